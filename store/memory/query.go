package memory

import (
	"iter"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// slack is how many milliseconds an ID may begin after the instant its transaction was created at.
const slack = 1

// timely reports whether the ID begins with the millisecond the transaction was created in, give or take the slack.
func timely(r *record) bool {
	late := int64(r.id.hi>>16) - r.created/1000
	return 0 <= late && late <= slack
}

// bounds returns between which IDs the query may select: from low on, below high. They narrow it down, and do not replace its
// filters.
func (s *Store) bounds(q *wallet.TransactionQuery) (low, high uid) {
	high = greatest
	if !s.untimely.Load() {
		if ms, ok := milliseconds(q.From); ok {
			low = uid{hi: ms << 16}
		}
		if ms, ok := milliseconds(q.To); ok {
			high = uid{hi: (ms + slack + 1) << 16}
		}
	}
	after := uidOf(q.After.Bytes())
	switch {
	case q.After.IsZero():
	case q.OldestFirst && !after.less(low):
		low = after.next()
	case !q.OldestFirst && after.less(high):
		high = after
	}
	return low, high
}

// milliseconds returns what the IDs minted at an instant begin with, and false for one that no ID can have.
func milliseconds(t time.Time) (uint64, bool) {
	ms := t.UnixMilli()
	return uint64(ms), !t.IsZero() && t.Year() >= 1970 && t.Year() <= 9999
}

// stream returns the ledger's transactions from low on and below high.
func (l *ledger) stream(low, high uid, q *wallet.TransactionQuery) stream {
	s := &ledgerStream{ledger: l, pending: onlyPending(q), step: 1}
	end := l.search(high)
	if s.i = l.search(low); s.pending {
		s.i, _ = slices.BinarySearch(l.pending, uint32(s.i))
		end, _ = slices.BinarySearch(l.pending, uint32(end))
	}
	if s.n = max(end-s.i, 0); !q.OldestFirst {
		s.i, s.step = end-1, -1
	}
	return s
}

func onlyPending(q *wallet.TransactionQuery) bool {
	return len(q.States) == 1 && q.States[0] == wallet.Pending
}

// ledgers enters and returns the ledgers that a query for transactions names by wallet or customer. For one that names
// neither, and may select from every ledger, all is true.
func (r *reader) ledgers(q *wallet.TransactionQuery) (named []*ledger, all bool, err error) {
	switch {
	case !q.Wallet.IsZero():
		l, err := r.ledger(q.Wallet)
		if err == wallet.ErrNotFound {
			return nil, false, nil
		}
		return []*ledger{l}, false, err
	case q.Customer != "":
		a, err := r.customer(q.Customer)
		if a == nil || err != nil {
			return nil, false, err
		}
		return a.ledgers, false, nil
	case r.alone:
		return r.account.ledgers, false, nil
	}
	return nil, true, r.enterAll()
}

// every returns all ledgers. The gates are closed.
func (r *reader) every() (all []*ledger) {
	for s := range merge(r.store.wallets.streams(uid{}, greatest, true), true) {
		all = append(all, s.owner())
	}
	return all
}

// stream yields what the query may select, in its order, from its After on.
func (r *reader) stream(q *wallet.TransactionQuery) (iter.Seq[stream], error) {
	ledgers, all, err := r.ledgers(q)
	if err != nil {
		return nil, err
	}
	low, high := r.store.bounds(q)
	if all && !onlyPending(q) {
		return merge(r.store.transactions.streams(low, high, q.OldestFirst), q.OldestFirst), nil
	}
	if all {
		ledgers = r.every()
	}
	streams := make([]stream, len(ledgers))
	for i, l := range ledgers {
		streams[i] = l.stream(low, high, q)
	}
	return merge(streams, q.OldestFirst), nil
}

func (r *reader) Transactions(q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	return func(yield func(wallet.Transaction, error) bool) {
		streams, err := r.stream(&q)
		if err != nil {
			yield(wallet.Transaction{}, err)
			return
		}
		skip, left := q.Offset, q.Limit
		for s := range streams {
			t, ok := selected(s, &q)
			if !ok {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			if left--; !yield(t, nil) || left == 0 {
				return
			}
		}
	}
}

// selected returns the transaction that the stream is at, and whether the query's filters select it.
func selected(s stream, q *wallet.TransactionQuery) (t wallet.Transaction, ok bool) {
	r := s.record()
	if r == nil {
		return t, false
	}
	t = s.owner().unpack(r)
	return t, q.Selects(t)
}

func (r *reader) CountTransactions(q wallet.TransactionQuery) (n int, err error) {
	if q.Reference == "" && q.From.IsZero() && q.To.IsZero() {
		return r.tally(&q)
	}
	q.After = wallet.TransactionID{}
	streams, err := r.stream(&q)
	if err != nil {
		return 0, err
	}
	for s := range streams {
		if _, ok := selected(s, &q); ok {
			n++
		}
	}
	return n, nil
}

// tally counts for a query that looks at no more than wallet, customer, kinds and states.
func (r *reader) tally(q *wallet.TransactionQuery) (n int, err error) {
	ledgers, all, err := r.ledgers(q)
	if err != nil {
		return 0, err
	}
	if all {
		ledgers = r.every()
	}
	for _, l := range ledgers {
		if q.Customer != "" && q.Customer != l.account.customer {
			continue
		}
		for kind, byState := range l.tally {
			for state, count := range byState {
				if (len(q.Kinds) == 0 || slices.Contains(q.Kinds, kinds[kind])) &&
					(len(q.States) == 0 || slices.Contains(q.States, states[state])) {
					n += int(count)
				}
			}
		}
	}
	return n, nil
}

func (r *reader) Wallets(q wallet.WalletQuery) iter.Seq2[*store.Wallet, error] {
	return func(yield func(*store.Wallet, error) bool) {
		wallets, err := r.candidates(&q)
		if err != nil {
			yield(nil, err)
			return
		}
		skip, left := q.Offset, q.Limit
		for w := range wallets {
			if !selects(&q, w) {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			if left--; !yield(w, nil) || left == 0 {
				return
			}
		}
	}
}

func (r *reader) CountWallets(q wallet.WalletQuery) (n int, err error) {
	q.After = wallet.ID{}
	wallets, err := r.candidates(&q)
	if err != nil {
		return 0, err
	}
	for w := range wallets {
		if selects(&q, w) {
			n++
		}
	}
	return n, nil
}

// candidates yields the wallets that the query may select, newest first, from its After on.
func (r *reader) candidates(q *wallet.WalletQuery) (iter.Seq[*store.Wallet], error) {
	if q.Customer == "" && !r.alone {
		if err := r.enterAll(); err != nil {
			return nil, err
		}
		high := greatest
		if !q.After.IsZero() {
			high = uidOf(q.After.Bytes())
		}
		return func(yield func(*store.Wallet) bool) {
			for s := range merge(r.store.wallets.streams(uid{}, high, false), false) {
				if !yield(s.owner().wallet) {
					return
				}
			}
		}, nil
	}
	a, err := r.account, error(nil)
	if q.Customer != "" {
		a, err = r.customer(q.Customer)
	}
	return func(yield func(*store.Wallet) bool) {
		if a == nil {
			return
		}
		end := len(a.ledgers)
		if !q.After.IsZero() {
			end = a.search(uidOf(q.After.Bytes()))
		}
		for _, l := range slices.Backward(a.ledgers[:end]) {
			if !yield(l.wallet) {
				return
			}
		}
	}, err
}

// selects reports whether the query's filters select w.
func selects(q *wallet.WalletQuery, w *store.Wallet) bool {
	return (q.Customer == "" || q.Customer == w.Customer) &&
		(q.Code == "" || q.Code == w.Code) &&
		(q.Status == "" || q.Status == w.Status) &&
		(q.Currency == "" || q.Currency == w.Currency)
}
