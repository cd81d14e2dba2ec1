package memory

import (
	"bytes"
	"iter"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

func (r *reader) Wallet(id wallet.ID) (*store.Wallet, error) {
	l, err := r.ledger(id)
	if err != nil {
		return nil, err
	}
	return l.wallet, nil
}

func (r *reader) ActiveWallets(c wallet.CustomerID) ([]*store.Wallet, error) {
	a, err := r.customer(c)
	if a == nil || err != nil {
		return nil, err
	}
	return a.active, nil
}

func (r *reader) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	l, position, err := r.record(id)
	if err != nil {
		return wallet.Transaction{}, err
	}
	return l.unpack(l.records.at(position)), nil
}

func (r *reader) Lot(id wallet.TransactionID) (p store.Lot, err error) {
	u := uidOf(id.Bytes())
	l, err := r.within(r.store.transactions.get(u))
	if err != nil {
		return p, err
	}
	it := l.lots[u]
	if it == nil || !it.open() {
		return p, wallet.ErrNotFound
	}
	it.show(&p)
	return p, nil
}

func (r *reader) NextLot(w wallet.ID, after []byte) (p store.Lot, more bool, err error) {
	l, err := r.ledger(w)
	if err != nil {
		return p, false, err
	}
	var first place
	if after != nil {
		first = l.spending.seek(func(o **lot) bool { return bytes.Compare((*o).key, after) <= 0 })
	}
	it := l.spending.at(first)
	if it == nil {
		return p, false, nil
	}
	r.last.lot = *it
	r.last.lot.show(&p)
	return p, true, nil
}

func (r *reader) ExpiringLots(w wallet.ID, upTo time.Time) iter.Seq2[store.Lot, error] {
	return func(yield func(store.Lot, error) bool) {
		l, err := r.ledger(w)
		if err != nil {
			yield(store.Lot{}, err)
			return
		}
		for at := (place{}); ; at = l.expiring.next(at) {
			it := l.expiring.at(at)
			if it == nil || (*it).expires > micros(upTo) {
				return
			}
			var p store.Lot
			if (*it).show(&p); !yield(p, nil) {
				return
			}
		}
	}
}

func (r *reader) Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error] {
	return func(yield func(wallet.Draw, error) bool) {
		l, position, err := r.record(of)
		if err != nil {
			yield(wallet.Draw{}, err)
			return
		}
		at := l.records.at(position)
		if !kinds[at.kind].Inbound() {
			var room [1]draw
			draws := l.draws(at, &room)
			for i := max(skip, 0); i < len(draws); i++ {
				if !yield(l.drawn(at, &draws[i]), nil) {
					return
				}
			}
			return
		}
		if it := l.lots[at.id]; it != nil {
			l.drawnFrom(it, max(skip, 0), func(d wallet.Draw) bool { return yield(d, nil) })
		}
	}
}

// drawnFrom yields what was drawn from a lot, leaving out the first skip. A transaction that drew more than once is in the
// lot's list as often, one entry behind the other.
func (l *ledger) drawnFrom(it *lot, skip int, yield func(wallet.Draw) bool) {
	i := skip
	for i > 0 && i < it.draws.n && *it.draws.at(i) == *it.draws.at(i - 1) {
		i--
	}
	for i < it.draws.n {
		by := l.records.at(int(*it.draws.at(i)))
		var room [1]draw
		for _, d := range l.draws(by, &room) {
			if d.lot != it.id {
				continue
			}
			if i >= skip && !yield(l.drawn(by, &d)) {
				return
			}
			i++
		}
	}
}

// drawn makes a [wallet.Draw] of a draw.
func (l *ledger) drawn(by *record, d *draw) (w wallet.Draw) {
	w.Lot.SetBytes(d.lot.bytes())
	w.By.SetBytes(by.id.bytes())
	w.Wallet, w.Kind = l.wallet.ID, kinds[by.kind]
	w.Credits, w.Amount, w.Fee = d.credits, d.amount, d.fee
	return w
}

func (r *reader) Outcome(c wallet.CustomerID, key string) (store.Outcome, bool, error) {
	a, err := r.customer(c)
	if a == nil || err != nil {
		return store.Outcome{}, false, err
	}
	o, known := a.outcome(key)
	return o, known, nil
}

func (r *reader) Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error] {
	return func(yield func(wallet.CustomerID, error) bool) {
		if r.alone {
			if due := r.account.due(); due != never && due <= micros(upTo) {
				yield(r.account.customer, nil)
			}
			return
		}
		if err := r.enterAll(); err != nil {
			yield("", err)
			return
		}
		seen := make(map[*account]bool)
		entries := &r.store.agenda.entries
		for p := (place{}); ; p = entries.next(p) {
			e := entries.at(p)
			if e == nil || e.at > micros(upTo) {
				return
			}
			a := e.ledger.account
			if !seen[a] && !yield(a.customer, nil) {
				return
			}
			seen[a] = true
		}
	}
}

// due returns when something is due for the account, or never.
func (a *account) due() int64 {
	soonest := int64(never)
	for _, l := range a.ledgers {
		if l.due != never && (soonest == never || l.due < soonest) {
			soonest = l.due
		}
	}
	return soonest
}
