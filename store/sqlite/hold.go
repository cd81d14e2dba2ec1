package sqlite

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"iter"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

const selectHold = "SELECT h.id, c.id, h.state, h.credits, h.money, h.captured, h.created, h.expires, h.closed, h.parts, h.more "

var (
	holdByID   = newQuery(selectHold + "FROM wallet_hold h JOIN wallet_customer c ON c.no = h.customer WHERE h.id = ?1")
	insertHold = newQuery(`INSERT INTO wallet_hold (state, credits, money, captured, expires, closed, parts, more, id, customer, created)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`)
	updateHold = newQuery("UPDATE wallet_hold SET state = ?1, credits = ?2, money = ?3, captured = ?4, expires = ?5, closed = ?6, parts = ?7, more = ?8 WHERE id = ?9")
	insertHeld = newQuery("INSERT OR IGNORE INTO wallet_held (wallet, hold) VALUES (?1, ?2)")
)

// reserved is what of a hold has no column.
type reserved struct {
	Wallet    wallet.ID         `json:"wallet,omitzero"`
	Currency  wallet.Currency   `json:"currency,omitempty"`
	Money     wallet.Currency   `json:"money,omitempty"`    // other than Currency
	Captured  wallet.Currency   `json:"captured,omitempty"` // other than Currency
	First     []wallet.ID       `json:"first,omitempty"`    // the wallets that it was in first
	Fee       wallet.Fee        `json:"fee,omitzero"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitzero"`
}

// holds writes holds, and in which wallets they are.
func (w *writer) holds(c *unit.Changes) error {
	for _, h := range c.Holds {
		rest := reserved{Wallet: h.Wallet, Currency: h.Currency, First: h.First, Fee: h.Fee, Reference: h.Reference, Metadata: h.Metadata}
		if h.Money.Currency != h.Currency {
			rest.Money = h.Money.Currency
		}
		if h.Captured.Currency != h.Currency {
			rest.Captured = h.Captured.Currency
		}
		more, err := asJSON(&rest, true)
		if err != nil {
			return err
		}
		parts, err := asJSON(h.Parts, h.Parts != nil)
		if err != nil {
			return err
		}
		args := []driver.Value{string(h.State), amount(h.Credits), amount(h.Money.Amount), amount(h.Captured.Amount), instant(h.ExpiresAt),
			instant(h.ClosedAt), parts, more, uuid(h.ID)}
		q := updateHold
		if h.Fresh {
			if err := w.number(h.Of); err != nil {
				return err
			}
			q, args = insertHold, append(args, h.Of.No, instant(h.CreatedAt))
		}
		if _, err := w.exec(q, args...); err != nil {
			return err
		}
		if h.Fresh { // later, those that were terminated need not be loaded
			for _, id := range h.First {
				if err := w.held(h, id); err != nil {
					return err
				}
			}
		}
		h.Fresh = false
		for i := range h.Parts {
			if err := w.held(h, h.Parts[i].Wallet); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) held(h *unit.Hold, id wallet.ID) error {
	_, err := w.exec(insertHeld, h.Of.Find(id).No, uuid(h.ID))
	return err
}

func scanHold(row []driver.Value) (*unit.Hold, error) {
	r := reader{row: row}
	h := new(unit.Hold)
	h.ID.SetBytes(r.uuid())
	h.Customer, h.State = wallet.CustomerID(r.text()), wallet.State(r.text())
	h.Credits, h.Money.Amount, h.Captured.Amount = r.amount(), r.amount(), r.amount()
	h.CreatedAt, h.ExpiresAt, h.ClosedAt = r.time(), r.time(), r.time()
	r.json(&h.Parts)
	var rest reserved
	r.json(&rest)
	h.Wallet, h.Currency, h.First, h.Fee, h.Reference, h.Metadata = rest.Wallet, rest.Currency, rest.First, rest.Fee, rest.Reference, rest.Metadata
	h.Money.Currency, h.Captured.Currency = cmp.Or(rest.Money, h.Currency), cmp.Or(rest.Captured, h.Currency)
	return h, r.err
}

func (b *base) LoadHold(id wallet.HoldID) (h *unit.Hold, err error) {
	found, err := one(b, holdByID, func(row []driver.Value) error {
		h, err = scanHold(row)
		return err
	}, uuid(id))
	if err == nil && !found {
		err = fmt.Errorf("%w: hold %s", wallet.ErrNotFound, id)
	}
	return h, err
}

func (b *base) Hold(id wallet.HoldID) (wallet.Hold, error) {
	h, err := b.LoadHold(id)
	if err != nil {
		return wallet.Hold{}, err
	}
	return h.Hold, nil
}

func (b *base) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		text, key := holdsOf(&q)
		end, left := lastID, q.Limit
		if !q.After.IsZero() {
			after := q.After.Bytes()
			end = after[:]
		}
		for {
			var found []*unit.Hold
			if err := b.rows(text, func(row []driver.Value) error {
				h, err := scanHold(row)
				found = append(found, h)
				return err
			}, key, end); err != nil {
				yield(wallet.Hold{}, err)
				return
			}
			for _, h := range found {
				if !h.Selected(&q) {
					continue
				}
				if !yield(h.Hold, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if len(found) < page {
				return
			}
			last := found[len(found)-1].ID.Bytes()
			end = last[:]
		}
	}
}

// holdsOf returns the statement for a page of what the query selects, and perhaps more, and its first argument.
func holdsOf(q *wallet.HoldQuery) (*query, driver.Value) {
	from, key := "wallet_hold h JOIN wallet_customer c ON c.no = h.customer WHERE ?1 IS NULL", driver.Value(nil)
	open := len(q.States) == 1 && q.States[0] == wallet.HoldOpen
	switch {
	case !q.Wallet.IsZero() && open:
		from, key = `wallet_hold h INDEXED BY wallet_hold_open JOIN wallet_customer c ON c.no = h.customer
WHERE h.state = 'open' AND h.customer = (SELECT customer FROM wallet_record WHERE id = ?1)
	AND EXISTS (SELECT * FROM wallet_held i WHERE i.wallet = (SELECT no FROM wallet_record WHERE id = ?1) AND i.hold = h.id)`, uuid(q.Wallet)
	case !q.Wallet.IsZero():
		from, key = `wallet_held i CROSS JOIN wallet_hold h ON h.id = i.hold JOIN wallet_customer c ON c.no = h.customer
WHERE i.wallet = (SELECT no FROM wallet_record WHERE id = ?1) AND i.hold < ?2`, uuid(q.Wallet)
	case q.Customer != "" && open:
		from, key = `wallet_hold h INDEXED BY wallet_hold_open JOIN wallet_customer c ON c.no = h.customer
WHERE h.state = 'open' AND h.customer = (SELECT no FROM wallet_customer WHERE id = ?1)`, string(q.Customer)
	case q.Customer != "":
		from, key = `wallet_hold h INDEXED BY wallet_hold_customer JOIN wallet_customer c ON c.no = h.customer
WHERE h.customer = (SELECT no FROM wallet_customer WHERE id = ?1)`, string(q.Customer)
	}
	order := "h.id"
	if !q.Wallet.IsZero() && !open {
		order = "i.hold"
	}
	return queryOf(fmt.Sprintf("%sFROM %s AND h.id < ?2 ORDER BY %s DESC LIMIT %d", selectHold, from, order, page)), key
}
