package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

var (
	insertHold   = newQuery("INSERT INTO wallet_hold (id, customer, state, hold) VALUES (?1, ?2, ?3, ?4)")
	updateHold   = newQuery("UPDATE wallet_hold SET state = ?1, hold = ?2 WHERE id = ?3")
	insertHeld   = newQuery("INSERT INTO wallet_held (wallet, hold, open) VALUES (?1, ?2, 1)")
	closeHeld    = newQuery("UPDATE wallet_held SET open = 0 WHERE hold = ?1 AND wallet IN (SELECT wallet FROM wallet_held WHERE hold = ?1)")
	holdByID     = newQuery("SELECT hold FROM wallet_hold WHERE id = ?1")
	customerHold = newQuery("SELECT c.id FROM wallet_hold h JOIN wallet_customer c ON c.no = h.customer WHERE h.id = ?1")
)

// holds writes holds: as JSON, and in which wallets they are.
func (w *writer) holds(c *unit.Changes) error {
	for _, h := range c.Holds {
		text, err := json.Marshal(&h.Hold)
		if err != nil {
			return err
		}
		if !h.Fresh {
			if _, err := w.exec(updateHold, string(h.State), string(text), uuid(h.ID)); err != nil {
				return err
			}
			if h.State != wallet.HoldOpen {
				if _, err := w.exec(closeHeld, uuid(h.ID)); err != nil {
					return err
				}
			}
			continue
		}
		if err := w.number(h.Of); err != nil {
			return err
		}
		if _, err := w.exec(insertHold, uuid(h.ID), h.Of.No, string(h.State), string(text)); err != nil {
			return err
		}
		for _, in := range h.In {
			if _, err := w.exec(insertHeld, in.No, uuid(h.ID)); err != nil {
				return err
			}
		}
		if h.State != wallet.HoldOpen {
			if _, err := w.exec(closeHeld, uuid(h.ID)); err != nil {
				return err
			}
		}
		h.Fresh = false
	}
	return nil
}

func scanHold(row []driver.Value) (h wallet.Hold, err error) {
	r := reader{row: row}
	r.json(&h)
	return h, r.err
}

func (b *base) Hold(id wallet.HoldID) (h wallet.Hold, err error) {
	found, err := one(b, holdByID, func(row []driver.Value) error {
		h, err = scanHold(row)
		return err
	}, uuid(id))
	if err == nil && !found {
		err = fmt.Errorf("%w: hold %s", wallet.ErrNotFound, id)
	}
	return h, err
}

func (b *base) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		from, key := "wallet_hold h WHERE ?1 IS NULL", driver.Value(nil)
		open := len(q.States) == 1 && q.States[0] == wallet.HoldOpen
		switch {
		case !q.Wallet.IsZero() && open:
			from, key = "wallet_held i JOIN wallet_hold h ON h.id = i.hold WHERE i.wallet = (SELECT no FROM wallet_record WHERE id = ?1) AND i.open = 1", uuid(q.Wallet)
		case !q.Wallet.IsZero():
			from, key = "wallet_held i JOIN wallet_hold h ON h.id = i.hold WHERE i.wallet = (SELECT no FROM wallet_record WHERE id = ?1)", uuid(q.Wallet)
		case q.Customer != "":
			from, key = "wallet_hold h WHERE h.customer = (SELECT no FROM wallet_customer WHERE id = ?1)", string(q.Customer)
		}
		text := fmt.Sprintf("SELECT h.hold FROM %s AND h.id < ?2 ORDER BY h.id DESC LIMIT %d", from, page)
		end, left := lastID, q.Limit
		if !q.After.IsZero() {
			after := q.After.Bytes()
			end = after[:]
		}
		for {
			var found []wallet.Hold
			err := b.rows(queryOf(text), func(row []driver.Value) error {
				h, err := scanHold(row)
				found = append(found, h)
				return err
			}, key, end)
			if err != nil {
				yield(wallet.Hold{}, err)
				return
			}
			for _, h := range found {
				after := h.ID.Bytes()
				end = after[:]
				if q.Customer != "" && h.Customer != q.Customer || len(q.States) > 0 && !slices.Contains(q.States, h.State) {
					continue
				}
				if !yield(h, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if len(found) < page {
				return
			}
		}
	}
}
