package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

func scanHold(r pgx.Rows) (h wallet.Hold, err error) {
	err = r.Scan(document{&h})
	return h, err
}

func (b *base) Hold(of wallet.HoldID) (wallet.Hold, error) {
	return one(b, scanHold, "hold", of, "SELECT hold FROM {hold} WHERE id = $1", id(of))
}

func (b *base) LoadHold(of wallet.HoldID) (*unit.Hold, error) {
	return one(b, func(r pgx.Rows) (*unit.Hold, error) {
		h := new(unit.Hold)
		err := r.Scan(document{&h.Hold}, ids[wallet.ID, *wallet.ID]{&h.First})
		return h, err
	}, "hold", of, "SELECT hold, wallets FROM {hold} WHERE id = $1", id(of))
}

func (b *base) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		if !q.Wallet.IsZero() {
			switch customer, err := b.customerOf(store.Scope{Wallet: q.Wallet}); {
			case isAbsent(err) || err == nil && q.Customer != "" && q.Customer != customer:
				return
			case err != nil:
				yield(wallet.Hold{}, err)
				return
			default:
				q.Customer = customer
			}
		}
		for left := q.Limit; ; {
			var f filter
			if q.Customer != "" {
				f.add("customer = $%d", string(q.Customer))
			}
			if !q.Wallet.IsZero() {
				f.add("$%d = ANY (wallets)", id(q.Wallet))
			}
			switch {
			case len(q.States) == 1 && q.States[0] == wallet.HoldOpen:
				f.all = append(f.all, "state = 'open'") // there is an index for these
			case len(q.States) > 0:
				f.add("state = ANY ($%d)", words(q.States))
			}
			if !q.After.IsZero() {
				f.add("id < $%d", id(q.After))
			}
			size := page
			if left > 0 {
				size = min(size, left)
			}
			found, err := collect(b, scanHold, "SELECT hold FROM {hold} WHERE "+f.String()+" ORDER BY id DESC LIMIT "+f.arg(size), f.args...)
			if err != nil {
				yield(wallet.Hold{}, err)
				return
			}
			for _, h := range found {
				if !yield(h, nil) {
					return
				}
				q.After = h.ID
			}
			if left -= len(found); len(found) < size || left == 0 {
				return
			}
		}
	}
}

// A place in the feed is a row of it, and an index within.
type place struct {
	cursor int64
	wallet wallet.ID
	index  int
}

func (p place) String() string {
	w := p.wallet.Bytes()
	return fmt.Sprintf("%d.%x.%d", p.cursor, w, p.index)
}

func parsePlace(c wallet.Cursor) (p place, err error) {
	if c == "" {
		return place{cursor: math.MinInt64, index: -1}, nil
	}
	if n, err := strconv.ParseInt(string(c), 10, 64); err == nil && n >= 0 { // of an event that is not written yet
		return place{cursor: math.MaxInt64}, nil
	}
	parts := strings.Split(string(c), ".")
	if len(parts) == 3 {
		var b [16]byte
		var n int
		p.cursor, err = strconv.ParseInt(parts[0], 10, 64)
		if n, _ = hex.Decode(b[:], []byte(parts[1][:min(len(parts[1]), 32)])); n == len(b) && err == nil {
			p.wallet.SetBytes(b)
			if p.index, err = strconv.Atoi(parts[2]); err == nil {
				return p, nil
			}
		}
	}
	bad := new(wallet.InvalidError)
	bad.Add("after", string(c), "is not a cursor")
	return p, bad
}

// ordinals is how many places of the feed a transaction has for its own.
const ordinals = 1 << 20

// A run is a row of the feed.
type run struct {
	customer wallet.CustomerID
	place
	number int64
	events []happening
}

func scanRun(r pgx.Rows) (e run, err error) {
	err = r.Scan(text(&e.customer), uuid{&e.wallet}, &e.number, &e.cursor, document{&e.events})
	return e, err
}

func (b *base) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		after, err := parsePlace(q.After)
		if err != nil {
			yield(wallet.Event{}, err)
			return
		}
		if !q.Wallet.IsZero() {
			switch customer, err := b.customerOf(store.Scope{Wallet: q.Wallet}); {
			case isAbsent(err) || err == nil && q.Customer != "" && q.Customer != customer:
				return
			case err != nil:
				yield(wallet.Event{}, err)
				return
			default:
				q.Customer = customer
			}
		}
		for left := q.Limit; ; {
			runs, err := b.runs(&q, after)
			if err != nil {
				yield(wallet.Event{}, err)
				return
			}
			for _, r := range runs {
				first := 0
				if r.cursor == after.cursor && r.wallet == after.wallet {
					first = after.index + 1
				}
				for r.index = first; r.index < len(r.events); r.index++ {
					e := r.events[r.index].event()
					e.Wallet, e.Customer, e.Number, e.Cursor = r.wallet, r.customer, r.number+int64(r.index), wallet.Cursor(r.place.String())
					if !yield(e, nil) {
						return
					}
					if left--; left == 0 {
						return
					}
				}
				after = place{r.cursor, r.wallet, len(r.events)}
			}
			if len(runs) < page {
				return
			}
		}
	}
}

// runs returns a page of the feed, from the row of a place on. Of one customer, everything is in order at once. Of all, what
// is not behind the oldest running transaction may still get a neighbour before it.
func (b *base) runs(q *wallet.EventQuery, from place) ([]run, error) {
	const columns = "SELECT customer, wallet, number, cursor, events FROM {event} WHERE "
	switch {
	case !q.Wallet.IsZero():
		return collect(b, scanRun, columns+`customer = $1 AND wallet = $2 AND cursor >= $3 AND number >= (
	SELECT coalesce(max(number), 0) FROM {event} WHERE customer = $1 AND wallet = $2 AND cursor <= $3)
ORDER BY number LIMIT $4`, string(q.Customer), id(q.Wallet), from.cursor, page)
	case q.Customer != "":
		return collect(b, scanRun, columns+"customer = $1 AND (cursor, wallet) >= ($2, $3) ORDER BY cursor, wallet LIMIT $4",
			string(q.Customer), from.cursor, id(from.wallet), page)
	}
	if b.distributed {
		return nil, errors.New("postgres: there is no feed of all customers in a distributed database: ask for one customer's")
	}
	return collect(b, scanRun, columns+`(cursor, wallet) >= ($1, $2) AND cursor / $4 < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY cursor, wallet LIMIT $3`, from.cursor, id(from.wallet), page, ordinals)
}
