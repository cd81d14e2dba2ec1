package unit

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// The sequences of a tx are those of the database with the changes of the batch laid over them.

func (t *tx) Wallets(q wallet.WalletQuery) iter.Seq2[*store.Wallet, error] {
	return func(yield func(*store.Wallet, error) bool) {
		selected, err := t.selectWallets(q)
		if err != nil {
			yield(nil, err)
			return
		}
		if !q.After.IsZero() {
			selected = slices.DeleteFunc(selected, func(w *store.Wallet) bool { return w.ID.Compare(q.After) >= 0 })
		}
		selected = selected[min(max(q.Offset, 0), len(selected)):]
		if q.Limit > 0 {
			selected = selected[:min(q.Limit, len(selected))]
		}
		for _, w := range selected {
			if !yield(w, nil) {
				return
			}
		}
	}
}

func (t *tx) CountWallets(q wallet.WalletQuery) (int, error) {
	selected, err := t.selectWallets(q)
	return len(selected), err
}

// selectWallets returns what the query's filters select, the greatest ID first. It loads all wallets of the customer.
func (t *tx) selectWallets(q wallet.WalletQuery) ([]*store.Wallet, error) {
	if t.u == nil {
		return nil, errClosed
	}
	if q.Customer != "" && q.Customer != t.c.ID {
		return nil, nil
	}
	for w, err := range t.u.Base.Wallets(wallet.WalletQuery{Customer: t.c.ID, Status: wallet.Terminated}) {
		if err != nil {
			return nil, err
		}
		if _, err := t.wallet(w.ID); err != nil {
			return nil, err
		}
	}
	var selected []*store.Wallet
	for _, w := range slices.Backward(t.c.wallets) {
		if (q.Code == "" || q.Code == w.Code) && (q.Status == "" || q.Status == w.Status) &&
			(q.Currency == "" || q.Currency == w.Currency) {
			selected = append(selected, &w.Wallet)
		}
	}
	return selected, nil
}

func (t *tx) Transactions(q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	return func(yield func(wallet.Transaction, error) bool) {
		if t.u == nil {
			yield(wallet.Transaction{}, errClosed)
			return
		}
		if q.Customer != "" && q.Customer != t.c.ID {
			return
		}
		q.Customer = t.c.ID
		batch := t.batch(q)
		if len(batch) == 0 && !t.finishedAny(q) {
			t.u.Base.Transactions(q)(yield)
			return
		}
		skip, left := max(q.Offset, 0), q.Limit
		emit := func(x wallet.Transaction) bool {
			if skip > 0 {
				skip--
				return true
			}
			if !yield(x, nil) {
				return false
			}
			left--
			return left != 0
		}
		base := q
		base.Offset, base.Limit = 0, 0
		for x, err := range t.u.Base.Transactions(base) {
			if err != nil {
				yield(wallet.Transaction{}, err)
				return
			}
			for len(batch) > 0 && before(batch[0].ID, x.ID, q.OldestFirst) {
				if !emit(batch[0].Transaction) {
					return
				}
				batch = batch[1:]
			}
			if t.u.txns[x.ID] == nil && !emit(x) { // else it comes from the batch, if still selected
				return
			}
		}
		for _, x := range batch {
			if !emit(x.Transaction) {
				return
			}
		}
	}
}

func before(a, b wallet.TransactionID, oldestFirst bool) bool {
	if oldestFirst {
		return a.Compare(b) < 0
	}
	return a.Compare(b) > 0
}

// batch returns the transactions added or finished in this batch that the query selects, in its order, behind After.
func (t *tx) batch(q wallet.TransactionQuery) []*Transaction {
	var selected []*Transaction
	for _, x := range t.u.txns {
		if x.Of.customer == t.c && q.Selects(x.Transaction) &&
			(q.After.IsZero() || before(q.After, x.ID, q.OldestFirst)) {
			selected = append(selected, x)
		}
	}
	slices.SortFunc(selected, func(a, b *Transaction) int {
		if q.OldestFirst {
			return a.ID.Compare(b.ID)
		}
		return b.ID.Compare(a.ID)
	})
	return selected
}

// finishedAny reports whether the query would select something as it was before it was finished in this batch.
func (t *tx) finishedAny(q wallet.TransactionQuery) bool {
	for _, s := range t.u.log.finished {
		if s.t.Before != nil && s.t.Of.customer == t.c && q.Selects(*s.t.Before) {
			return true
		}
	}
	return false
}

func (t *tx) CountTransactions(q wallet.TransactionQuery) (int, error) {
	if t.u == nil {
		return 0, errClosed
	}
	if q.Customer != "" && q.Customer != t.c.ID {
		return 0, nil
	}
	q.Customer = t.c.ID
	n, err := t.u.Base.CountTransactions(q)
	if err != nil {
		return 0, err
	}
	for _, x := range t.u.txns {
		if x.Of.customer != t.c {
			continue
		}
		if q.Selects(x.Transaction) {
			n++
		}
		if x.Before != nil && q.Selects(*x.Before) {
			n--
		}
	}
	return n, nil
}

func (t *tx) ExpiringLots(id wallet.ID, upTo time.Time) iter.Seq2[store.Lot, error] {
	return func(yield func(store.Lot, error) bool) {
		w, err := t.wallet(id)
		if err != nil {
			yield(store.Lot{}, err)
			return
		}
		known := w.lots.expiring(upTo)
		if !w.lots.all {
			for l, err := range t.u.Base.LoadExpiring(w, upTo) {
				if err != nil {
					yield(store.Lot{}, err)
					return
				}
				if w.lots.find(l.ID) != nil {
					continue // it is among the known, as it is now
				}
				w.attach(l)
				for len(known) > 0 && sooner(known[0], l) < 0 {
					if !yield(known[0].Lot, nil) {
						return
					}
					known = known[1:]
				}
				if !yield(l.Lot, nil) {
					return
				}
			}
		}
		for _, l := range known {
			if !yield(l.Lot, nil) {
				return
			}
		}
	}
}

func (t *tx) Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error] {
	return func(yield func(wallet.Draw, error) bool) {
		x, err := t.Transaction(of)
		if err != nil {
			yield(wallet.Draw{}, err)
			return
		}
		skip = max(skip, 0)
		cur := t.u.txns[of]
		if cur != nil && cur.Before == nil && !x.Kind.Inbound() {
			for _, d := range cur.Draws[min(skip, len(cur.Draws)):] {
				if !yield(d, nil) {
					return
				}
			}
			return
		}
		inBase := cur == nil || cur.Before != nil
		if inBase && !t.drawn(of) {
			t.u.Base.Draws(of, skip)(yield)
			return
		}
		if inBase {
			for d, err := range t.u.Base.Draws(of, 0) {
				if err == nil && skip > 0 {
					skip--
					continue
				}
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
		for _, by := range t.u.log.added {
			for i := range by.Draws {
				if by.Draws[i].Lot != of {
					continue
				}
				if skip > 0 {
					skip--
				} else if !yield(by.Draws[i], nil) {
					return
				}
			}
		}
	}
}

// drawn reports whether this batch draws from the lot.
func (t *tx) drawn(lot wallet.TransactionID) bool {
	return slices.ContainsFunc(t.u.log.added, func(by *Transaction) bool {
		return slices.ContainsFunc(by.Draws, func(d wallet.Draw) bool { return d.Lot == lot })
	})
}

func (t *tx) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		if t.u == nil {
			yield(wallet.Hold{}, errClosed)
			return
		}
		if q.Customer != "" && q.Customer != t.c.ID {
			return
		}
		q.Customer = t.c.ID
		var batch []*Hold // the newest first
		for _, h := range t.u.holds {
			if h.Selected(&q) && (q.After.IsZero() || h.ID.Compare(q.After) < 0) {
				batch = append(batch, h)
			}
		}
		slices.SortFunc(batch, func(a, b *Hold) int { return b.ID.Compare(a.ID) })
		left := q.Limit
		emit := func(h wallet.Hold) bool {
			left--
			return yield(h, nil) && left != 0
		}
		base := q
		base.Limit = 0
		if q.Limit > 0 {
			base.Limit = q.Limit + len(t.u.holds)
		}
		for h, err := range t.u.Base.Holds(base) {
			if err != nil {
				yield(h, err)
				return
			}
			for len(batch) > 0 && batch[0].ID.Compare(h.ID) > 0 {
				if !emit(batch[0].Hold) {
					return
				}
				batch = batch[1:]
			}
			if t.u.holds[h.ID] == nil && !emit(h) {
				return
			}
		}
		for _, h := range batch {
			if !emit(h.Hold) {
				return
			}
		}
	}
}

// firstUncommitted is greater than every cursor that a database has given.
const firstUncommitted = 1 << 62

func (t *tx) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		if t.u == nil {
			yield(wallet.Event{}, errClosed)
			return
		}
		if q.Customer != "" && q.Customer != t.c.ID {
			return
		}
		q.Customer = t.c.ID
		after, _ := ParseCursor(q.After) // one that is none, or of the database's own kind, is for the database to judge
		left := q.Limit
		for e, err := range t.u.Base.Events(q) {
			left--
			if !yield(e, err) || err != nil || left == 0 {
				return
			}
		}
		for i := range t.u.log.events {
			e, cursor := &t.u.log.events[i], firstUncommitted+int64(i)
			if e.Of.customer != t.c || !q.Wallet.IsZero() && q.Wallet != e.Wallet || cursor <= after {
				continue
			}
			x := e.Event
			x.Cursor = FormatCursor(cursor)
			if left--; !yield(x, nil) || left == 0 {
				return
			}
		}
	}
}

// FormatCursor makes a cursor of a number.
func FormatCursor(n int64) wallet.Cursor { return wallet.Cursor(strconv.FormatInt(n, 10)) }

// ParseCursor reads what FormatCursor made; the empty cursor is 0.
func ParseCursor(c wallet.Cursor) (int64, error) {
	if c == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(c), 10, 64)
	if err != nil || n < 0 {
		bad := new(wallet.InvalidError)
		bad.Add("after", string(c), "is not a cursor")
		return 0, bad
	}
	return n, nil
}
