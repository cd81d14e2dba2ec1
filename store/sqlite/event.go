package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// The feed has the transactions that tell an event and the events that no transaction tells. Both are numbered in the order of
// the commits: one writer at a time gives out the numbers, which are the cursors.

const selectEvent = "SELECT e.no, e.wallet, e.number, e.kind, e.at, e.credits, t.id, e.more FROM wallet_event e LEFT JOIN wallet_txn t ON t.no = e.txn "

var (
	insertEvent = newQuery("INSERT INTO wallet_event (no, wallet, number, kind, at, credits, txn, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
	eventsOf    = newQuery(selectEvent + "WHERE e.wallet = ?1 AND e.no > ?2 ORDER BY e.no LIMIT 64")
	allEvents   = newQuery(selectEvent + "WHERE e.no > ?2 ORDER BY e.no LIMIT 64")
	allTold     = newQuery("SELECT " + selectTxn + "FROM wallet_txn t WHERE t.no > ?1 AND t.event IS NOT NULL ORDER BY t.no LIMIT 64")
)

// detail is what of an event has no column.
type detail struct {
	Transaction wallet.TransactionID `json:"transaction,omitzero"` // that is not there
	Hold        wallet.HoldID        `json:"hold,omitzero"`
	Rule        wallet.RuleID        `json:"rule,omitzero"`
	Alert       string               `json:"alert,omitempty"`
	Record      *wallet.Wallet       `json:"record,omitempty"`
}

// events writes the events that no transaction tells.
func (w *writer) events(c *unit.Changes) error {
	for i := range c.Events {
		e := &c.Events[i]
		if e.Told != nil {
			continue
		}
		rest := detail{Hold: e.Hold, Rule: e.Rule, Alert: e.Alert, Record: e.Record}
		var about driver.Value
		if !e.Transaction.IsZero() {
			no, err := w.numberOf(c, e.Transaction)
			if err != nil {
				return err
			}
			if about = someInt(no); no == 0 {
				rest.Transaction = e.Transaction
			}
		}
		more, err := asJSON(&rest, rest != detail{})
		if err != nil {
			return err
		}
		if _, err := w.exec(insertEvent, e.No, e.Of.No, e.Number, string(e.Kind), instant(e.At), amount(e.Credits), about, more); err != nil {
			return err
		}
	}
	return nil
}

// An entry is an event with its place in the feed.
type entry struct {
	no int64
	wallet.Event
}

// entries reads rows of selectEvent.
func (b *base) entries(q *query, args ...driver.Value) (page []entry, err error) {
	var of []int64
	err = b.rows(q, func(row []driver.Value) error {
		r := reader{row: row}
		e := entry{no: r.int()}
		of = append(of, r.int())
		e.Number, e.Kind, e.At, e.Credits, e.Transaction = r.int(), wallet.EventKind(r.text()), r.time(), r.amount(), r.txn()
		var rest detail
		r.json(&rest)
		if e.Transaction.IsZero() {
			e.Transaction = rest.Transaction
		}
		e.Hold, e.Rule, e.Alert, e.Record = rest.Hold, rest.Rule, rest.Alert, rest.Record
		page = append(page, e)
		return r.err
	}, args...)
	for i := range page {
		if err != nil {
			return nil, err
		}
		t := record{of: of[i]}
		err = b.complete(&t)
		page[i].Wallet, page[i].Customer = t.Wallet, t.Customer
	}
	return page, err
}

// told returns the events that transactions tell.
func told(records []record) (page []entry) {
	for i := range records {
		if t := &records[i]; t.event != 0 {
			page = append(page, entry{t.no, wallet.Event{Wallet: t.Wallet, Customer: t.Customer, Number: t.event, Kind: unit.EventOf(t.Kind),
				At: t.CreatedAt, Credits: t.Credits, Transaction: t.ID, Rule: t.Rule}})
		}
	}
	return page
}

func (b *base) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		after, err := unit.ParseCursor(q.After)
		var feeds []*feed
		if err == nil {
			feeds, err = b.feeds(&q, after)
		}
		for left := q.Limit; err == nil; {
			var next *feed
			for _, f := range feeds {
				if err = f.fill(); err != nil {
					break
				}
				if len(f.page) > 0 && (next == nil || f.page[0].no < next.page[0].no) {
					next = f
				}
			}
			if err != nil {
				break
			}
			if next == nil {
				return
			}
			e := next.page[0]
			next.page = next.page[1:]
			e.Cursor = unit.FormatCursor(e.no)
			if !yield(e.Event, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
		yield(wallet.Event{}, err)
	}
}

// A feed is events in the order of their numbers, a page at a time.
type feed struct {
	page []entry
	read func() (page []entry, more bool, err error) // page may be empty, and yet there are more
	done bool
}

// fill reads on, if there is nothing left of the page.
func (f *feed) fill() error {
	for len(f.page) == 0 && !f.done {
		page, more, err := f.read()
		if err != nil {
			return err
		}
		f.page, f.done = page, !more
	}
	return nil
}

// feeds returns what has to be merged for a query.
func (b *base) feeds(q *wallet.EventQuery, after int64) (feeds []*feed, err error) {
	switch {
	case !q.Wallet.IsZero():
		w, err := b.LoadWallet(q.Wallet)
		if errors.Is(err, wallet.ErrNotFound) || err == nil && q.Customer != "" && q.Customer != w.Wallet.Customer {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return b.feedsOf(w, after)
	case q.Customer != "":
		for w, err := range b.Wallets(wallet.WalletQuery{Customer: q.Customer}) {
			if err != nil {
				return nil, err
			}
			of, err := b.feeds(&wallet.EventQuery{Wallet: w.ID}, after)
			if err != nil {
				return nil, err
			}
			feeds = append(feeds, of...)
		}
		return feeds, nil
	}
	toldAfter := after
	return []*feed{b.untold(allEvents, 0, after), {read: func() ([]entry, bool, error) {
		records, err := b.records(allTold, toldAfter)
		if n := len(records); n > 0 {
			toldAfter = records[n-1].no
		}
		return told(records), len(records) == page, err
	}}}, nil
}

// feedsOf returns the events of a wallet that its transactions tell, and the others.
func (b *base) feedsOf(w *unit.Wallet, after int64) ([]*feed, error) {
	n, err := b.numberUpTo(w, after)
	if err != nil {
		return nil, err
	}
	return []*feed{b.untold(eventsOf, w.No, after), {read: func() ([]entry, bool, error) {
		from, to := n+1, min(n+page, w.Chain.Len)
		if from > to {
			return nil, false, nil
		}
		records, err := b.chain(w, 0, from, to)
		if err == nil && len(records) != int(to-from+1) {
			err = fmt.Errorf("sqlite: the chain of wallet %s is broken", w.ID)
		}
		slices.Reverse(records)
		n = to
		return told(records), to < w.Chain.Len, err
	}}}, nil
}

// untold returns the events that no transaction tells.
func (b *base) untold(q *query, of, after int64) *feed {
	return &feed{read: func() ([]entry, bool, error) {
		entries, err := b.entries(q, of, after)
		if n := len(entries); n > 0 {
			after = entries[n-1].no
		}
		return entries, len(entries) == page, err
	}}
}
