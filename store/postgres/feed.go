package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

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

// A place in the feed is that of an event. Different customers' events may have the same cursor.
type place struct {
	cursor int64
	wallet wallet.ID
	tail   wallet.TransactionID // the last transaction before or at the event, of its wallet, that tells one: if known
}

func (p place) String() string {
	return fmt.Sprintf("%d.%x.%x", p.cursor, p.wallet.Bytes(), p.tail.Bytes())
}

func parsePlace(c wallet.Cursor) (p place, err error) {
	if c == "" {
		return place{cursor: math.MinInt64}, nil
	}
	if n, err := strconv.ParseInt(string(c), 10, 64); err == nil && n >= 0 { // of an event that is not written yet
		return place{cursor: math.MaxInt64}, nil
	}
	if parts := strings.Split(string(c), "."); len(parts) == 3 {
		w, err1 := hex.DecodeString(parts[1])
		t, err2 := hex.DecodeString(parts[2])
		p.cursor, err = strconv.ParseInt(parts[0], 10, 64)
		if err == nil && err1 == nil && err2 == nil && len(w) == 16 && len(t) == 16 {
			p.wallet.SetBytes([16]byte(w))
			p.tail.SetBytes([16]byte(t))
			return p, nil
		}
	}
	bad := new(wallet.InvalidError)
	bad.Add("after", string(c), "is not a cursor")
	return p, bad
}

// ordinals is how many places of the feed a transaction has for its own.
const ordinals = 1 << 20

// scanEvent scans the columns customer, wallet, number, cursor, kind, at, credits, transaction, more and event: a transaction that
// tells an event, or an event.
func scanEvent(r pgx.Rows) (e *wallet.Event, err error) {
	e = new(wallet.Event)
	var cursor int64
	var kind wallet.Kind
	var m more
	var h *happening
	var at time.Time
	var credits wallet.Amount
	var txn wallet.TransactionID
	if err := r.Scan(text(&e.Customer), uuid{&e.Wallet}, &e.Number, &cursor, text(&kind), instant{&at}, decimal{&credits}, uuid{&txn}, document{&m},
		document{&h}); err != nil {
		return nil, err
	}
	p := place{cursor: cursor, wallet: e.Wallet, tail: txn}
	if h != nil {
		customer, of, number := e.Customer, e.Wallet, e.Number
		*e = h.event()
		e.Customer, e.Wallet, e.Number = customer, of, number
	} else {
		e.Kind, e.At, e.Credits, e.Transaction, e.Rule = unit.EventOf(kind), at, credits, txn, m.Rule
	}
	e.Cursor = wallet.Cursor(p.String())
	return e, nil
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
			found, err := b.events(&q, after)
			if err != nil {
				yield(wallet.Event{}, err)
				return
			}
			for _, e := range found {
				if after, err = parsePlace(e.Cursor); err != nil {
					yield(wallet.Event{}, err)
					return
				}
				if !yield(*e, nil) {
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

// events returns a page of the feed, behind a place. Of one customer, everything is in order at once. Of all, what is not behind
// the oldest running transaction may still get a neighbour before it.
func (b *base) events(q *wallet.EventQuery, after place) ([]*wallet.Event, error) {
	var f filter
	told := ""
	switch {
	case !q.Wallet.IsZero():
		f.add("customer = $%d", string(q.Customer))
		f.add("wallet = $%d", id(q.Wallet))
		f.add("cursor > $%d", after.cursor)
		if after.wallet == q.Wallet {
			told = " AND id > " + f.arg(id(after.tail))
		}
	case q.Customer != "":
		f.add("customer = $%d", string(q.Customer))
		f.add("cursor > $%d", after.cursor)
	case b.partial:
		return nil, errors.New("postgres: there is no feed of all customers in a distributed database: ask for one customer's")
	default:
		f.add("cursor >= $%d", after.cursor)
		f.add("(cursor, wallet) > ("+f.arg(after.cursor)+"::bigint, $%d)", id(after.wallet))
		f.all = append(f.all, fmt.Sprintf("cursor / %d < pg_snapshot_xmin(pg_current_snapshot())::text::bigint", ordinals))
	}
	limit := f.arg(page)
	order := " ORDER BY cursor, wallet LIMIT " + limit
	first := order
	if !q.Wallet.IsZero() {
		first = " ORDER BY id LIMIT " + limit // the same, and there is an index
	}
	return collect(b, scanEvent, fmt.Sprintf(`(SELECT customer, wallet, event AS number, cursor, kind, created, credits::text, id, more, NULL::json
	FROM {transaction} WHERE cursor IS NOT NULL AND %[1]s%[2]s%[3]s)
UNION ALL (SELECT customer, wallet, number, cursor, NULL, NULL, '0', NULL, NULL, event FROM {event} WHERE %[1]s%[4]s)%[4]s`, f.String(), told, first, order), f.args...)
}
