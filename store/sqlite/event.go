package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// The feed of events is a table that is only appended to: one writer at a time gives out the cursors, so their order is that
// of the commits. An event that tells of a transaction, and nothing else, is the transaction's ID. The events of a wallet are a
// chain, as its transactions are: each knows the one before it, and every 64th is in an index.

var (
	insertEvent = newQuery("INSERT INTO wallet_event (wallet, number, prev, kind, txn, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")

	eventsBehind = newQuery(selectEvent + "FROM wallet_event e WHERE e.cursor > ?1 ORDER BY e.cursor LIMIT ?2")
	eventAt      = newQuery("SELECT wallet, number FROM wallet_event WHERE cursor = ?1")
	eventMark    = newQuery("SELECT number, cursor FROM wallet_event WHERE wallet = ?1 AND number >= ?2 AND number % 64 = 0 ORDER BY number LIMIT 1")

	// eventChain follows the chain from the event ?1 back to that of number ?2.
	eventChain = newQuery(`WITH RECURSIVE step (cursor, number) AS (
	SELECT cursor, number FROM wallet_event WHERE cursor = ?1
	UNION ALL
	SELECT p.cursor, p.number FROM step CROSS JOIN wallet_event n ON n.cursor = step.cursor CROSS JOIN wallet_event p ON p.cursor = n.prev
	WHERE step.number > ?2)
` + selectEvent + "FROM step CROSS JOIN wallet_event e ON e.cursor = step.cursor WHERE e.number <= ?3")
)

const selectEvent = "SELECT e.cursor, e.wallet, e.number, e.kind, e.txn, e.more "

// eventKinds are the codes of kinds of events.
var eventKinds = []wallet.EventKind{wallet.EventCreated, wallet.EventUpdated, wallet.EventToppedUp, wallet.EventSettled,
	wallet.EventFailed, wallet.EventLapsed, wallet.EventConsumed, wallet.EventVoided, wallet.EventExpired, wallet.EventHeld,
	wallet.EventCaptured, wallet.EventReleased, wallet.EventRefunded, wallet.EventTransferredOut, wallet.EventTransferredIn,
	wallet.EventUsed, wallet.EventFired, wallet.EventAlerted, wallet.EventRecovered, wallet.EventTerminated}

// told are the events that are told by their transaction: it was added with just these credits, at its creation.
var told = map[wallet.EventKind]bool{wallet.EventToppedUp: true, wallet.EventConsumed: true, wallet.EventVoided: true,
	wallet.EventExpired: true, wallet.EventRefunded: true, wallet.EventTransferredOut: true, wallet.EventTransferredIn: true}

// events appends events to the feed.
func (w *writer) events(c *unit.Changes) error {
	for i := range c.Events {
		e := &c.Events[i]
		var more driver.Value
		if !told[e.Kind] {
			rest := e.Event
			rest.Wallet, rest.Customer, rest.Number, rest.Kind, rest.Transaction = wallet.ID{}, "", 0, "", wallet.TransactionID{}
			text, err := json.Marshal(&rest)
			if err != nil {
				return err
			}
			more = string(text)
		}
		done, err := w.exec(insertEvent, e.Of.No, e.Number, someInt(e.Of.LastEvent), code(eventKinds, e.Kind), someUUID(e.Transaction), more)
		if err != nil {
			return err
		}
		if e.Of.LastEvent, err = done.LastInsertId(); err != nil {
			return err
		}
	}
	return nil
}

// An eventRow is an event as it is in the table.
type eventRow struct {
	wallet.Event
	cursor, no int64
	told       bool
}

func scanEvent(row []driver.Value) (e eventRow, err error) {
	r := reader{row: row}
	e.cursor, e.no = r.int(), r.int()
	number, kind, txn := r.int(), word(&r, eventKinds), r.txn()
	e.told = row[r.at] == nil
	r.json(&e.Event)
	e.Number, e.Kind, e.Transaction = number, kind, txn
	e.Cursor = wallet.Cursor(strconv.FormatInt(e.cursor, 10))
	return e, r.err
}

// events reads rows of selectEvent, and what they leave to their transactions and wallets.
func (b *base) events(q *query, args ...driver.Value) (page []eventRow, err error) {
	err = b.rows(q, func(row []driver.Value) error {
		e, err := scanEvent(row)
		page = append(page, e)
		return err
	}, args...)
	for i := range page {
		if err != nil {
			return nil, err
		}
		e := &page[i]
		at := record{no: e.no}
		if e.told {
			if at, err = b.record(e.Transaction); err != nil {
				return nil, err
			}
			e.At, e.Credits, e.Rule = at.CreatedAt, at.Credits, at.Rule
		} else {
			err = b.complete(&at)
		}
		e.Wallet, e.Customer = at.Wallet, at.Customer
	}
	return page, err
}

func (b *base) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		var after int64
		if q.After != "" {
			var err error
			if after, err = strconv.ParseInt(string(q.After), 10, 64); err != nil || after < 0 {
				bad := new(wallet.InvalidError)
				bad.Add("after", string(q.After), "is not a cursor")
				yield(wallet.Event{}, bad)
				return
			}
		}
		feed, err := b.feed(&q, after)
		if err != nil {
			yield(wallet.Event{}, err)
			return
		}
		for left := q.Limit; ; {
			e, ok, err := feed()
			if err != nil {
				yield(wallet.Event{}, err)
				return
			}
			if !ok || !yield(e.Event, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// feed returns a function that returns the next event that the query selects.
func (b *base) feed(q *wallet.EventQuery, after int64) (func() (eventRow, bool, error), error) {
	switch {
	case !q.Wallet.IsZero():
		w, err := b.LoadWallet(q.Wallet)
		if errors.Is(err, wallet.ErrNotFound) || err == nil && q.Customer != "" && w.Wallet.Customer != q.Customer {
			return none, nil
		}
		if err != nil {
			return nil, err
		}
		return b.walletFeed(w, after)
	case q.Customer != "":
		return b.customerFeed(q.Customer, after)
	}
	return paged(func() ([]eventRow, error) {
		rows, err := b.events(eventsBehind, after, int64(page))
		if len(rows) > 0 {
			after = rows[len(rows)-1].cursor
		}
		return rows, err
	}), nil
}

func none() (eventRow, bool, error) { return eventRow{}, false, nil }

// paged returns the rows of pages one by one, up to an empty page.
func paged(read func() ([]eventRow, error)) func() (eventRow, bool, error) {
	var rows []eventRow
	return func() (e eventRow, ok bool, err error) {
		if len(rows) == 0 {
			if rows, err = read(); err != nil || len(rows) == 0 {
				return e, false, err
			}
		}
		e, rows = rows[0], rows[1:]
		return e, true, nil
	}
}

// walletFeed returns the wallet's events behind a cursor, a page of the chain at a time.
func (b *base) walletFeed(w *unit.Wallet, after int64) (func() (eventRow, bool, error), error) {
	next, err := b.eventBehind(w, after)
	if err != nil {
		return nil, err
	}
	return paged(func() ([]eventRow, error) {
		to := min(next+page-1, w.State.Events)
		if next > to {
			return nil, nil
		}
		start, err := b.eventNear(w, to)
		if err != nil {
			return nil, err
		}
		rows, err := b.events(eventChain, start, next, to)
		slices.Reverse(rows)
		next = to + 1
		return rows, err
	}), nil
}

// eventNear returns the cursor of an event of the wallet that is number n, or not far behind it.
func (b *base) eventNear(w *unit.Wallet, n int64) (cursor int64, err error) {
	found, err := one(b, eventMark, func(row []driver.Value) error {
		r := reader{row: row}
		_, cursor = r.int(), r.int()
		return r.err
	}, w.No, n)
	if err == nil && !found {
		cursor = w.LastEvent
	}
	return cursor, err
}

// eventBehind returns the number of the wallet's first event behind a cursor.
func (b *base) eventBehind(w *unit.Wallet, after int64) (int64, error) {
	if after == 0 {
		return 1, nil
	}
	var no, number int64
	found, err := one(b, eventAt, func(row []driver.Value) error {
		r := reader{row: row}
		no, number = r.int(), r.int()
		return r.err
	}, after)
	if err != nil || found && no == w.No {
		return number + 1, err // the usual way to page
	}
	low, high := int64(1), w.State.Events+1 // the cursor is another wallet's
	for low < high {
		middle := (low + high) / 2
		start, err := b.eventNear(w, middle)
		if err != nil {
			return 0, err
		}
		rows, err := b.events(eventChain, start, middle, middle)
		if err != nil {
			return 0, err
		}
		if len(rows) == 0 {
			return 0, fmt.Errorf("sqlite: the events of wallet %s have a gap at %d", w.ID, middle)
		}
		if rows[0].cursor > after {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, nil
}

// customerFeed merges the feeds of a customer's wallets.
func (b *base) customerFeed(id wallet.CustomerID, after int64) (func() (eventRow, bool, error), error) {
	type head struct {
		eventRow
		rest func() (eventRow, bool, error)
	}
	var heads []head
	for w, err := range b.Wallets(wallet.WalletQuery{Customer: id}) {
		if err != nil {
			return nil, err
		}
		loaded, err := b.LoadWallet(w.ID)
		if err != nil {
			return nil, err
		}
		rest, err := b.walletFeed(loaded, after)
		if err != nil {
			return nil, err
		}
		e, ok, err := rest()
		if err != nil {
			return nil, err
		}
		if ok {
			heads = append(heads, head{e, rest})
		}
	}
	return func() (e eventRow, ok bool, err error) {
		if len(heads) == 0 {
			return e, false, nil
		}
		first := 0
		for i := range heads {
			if heads[i].cursor < heads[first].cursor {
				first = i
			}
		}
		h := &heads[first]
		e = h.eventRow
		if h.eventRow, ok, err = h.rest(); !ok {
			heads = slices.Delete(heads, first, first+1)
		}
		return e, true, err
	}, nil
}
