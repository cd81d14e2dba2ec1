package unit

import (
	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A journal is what the functions of a batch have changed, in order: what to write, and how to undo it. Its lists are undone
// one by one, because a change in one never depends on one in another.
type journal struct {
	states   []savedState
	records  []savedRecord
	lots     []savedLot
	added    []*Transaction
	finished []savedFinish
	keys     []*Key
	holds    []savedHold
	events   []Event
}

type savedState struct {
	w   *Wallet
	old store.State
}

type savedRecord struct {
	w   *Wallet
	old *store.Wallet // without its state; nil: the wallet is new
}

type savedLot struct {
	lot *Lot
	old store.Lot // without a key: the lot is new
}

type savedHold struct {
	h   *Hold
	old wallet.Hold // without a customer: the hold is new
}

type savedFinish struct {
	t     *Transaction
	old   wallet.Transaction
	first bool // it was not yet one of this batch
}

// A mark is a place in the journal.
type mark struct{ states, records, lots, added, finished, keys, holds, events int }

func (j *journal) mark() mark {
	return mark{len(j.states), len(j.records), len(j.lots), len(j.added), len(j.finished), len(j.keys), len(j.holds), len(j.events)}
}

// clear empties the journal and keeps its room, unless that is a lot.
func (j *journal) clear() {
	const most = 8192
	if len(j.lots) > most || len(j.added) > most {
		*j = journal{}
		return
	}
	clear(j.states)
	clear(j.records)
	clear(j.lots)
	clear(j.added)
	clear(j.finished)
	clear(j.keys)
	clear(j.holds)
	clear(j.events)
	j.holds, j.events = j.holds[:0], j.events[:0]
	j.states, j.records, j.lots, j.added, j.finished, j.keys =
		j.states[:0], j.records[:0], j.lots[:0], j.added[:0], j.finished[:0], j.keys[:0]
}

// undo takes back every change behind the mark, the last one first.
func (u *Unit) undo(to mark) {
	j := &u.log
	for i := len(j.states) - 1; i >= to.states; i-- {
		j.states[i].w.State = j.states[i].old
	}
	for i := len(j.records) - 1; i >= to.records; i-- {
		w, old := j.records[i].w, j.records[i].old
		if old == nil {
			u.disown(w)
			continue
		}
		state := w.State
		w.Wallet = *old
		w.State = state
	}
	for i := len(j.lots) - 1; i >= to.lots; i-- {
		l, old := j.lots[i].lot, j.lots[i].old
		if old.Key == nil {
			l.Of.lots.remove(l)
			continue
		}
		l.replace(old)
	}
	for i := len(j.events) - 1; i >= to.events; i-- {
		e := &j.events[i]
		e.Of.Events--
		if e.Told != nil {
			e.Told.Event = 0
		}
	}
	for i := len(j.holds) - 1; i >= to.holds; i-- {
		h := j.holds[i].h
		if j.holds[i].old.Customer == "" {
			delete(u.holds, h.ID)
		}
		h.Hold = j.holds[i].old
	}
	for i := len(j.finished) - 1; i >= to.finished; i-- {
		t := j.finished[i].t
		t.Transaction = j.finished[i].old
		if j.finished[i].first {
			delete(u.txns, t.ID)
		}
	}
	for i := len(j.added) - 1; i >= to.added; i-- {
		t := j.added[i]
		t.Of.added = t.Of.added[:len(t.Of.added)-1]
		delete(u.txns, t.ID)
	}
	for i := len(j.keys) - 1; i >= to.keys; i-- {
		delete(u.keys, keyName{j.keys[i].Of.ID, j.keys[i].Name})
	}
	j.states, j.records, j.lots = j.states[:to.states], j.records[:to.records], j.lots[:to.lots]
	j.added, j.finished, j.keys = j.added[:to.added], j.finished[:to.finished], j.keys[:to.keys]
	j.holds, j.events = j.holds[:to.holds], j.events[:to.events]
}

// replace gives the lot another content, and its place if the key differs.
func (l *Lot) replace(by store.Lot) {
	if string(l.Key) == string(by.Key) {
		l.Lot = by
		return
	}
	l.Of.lots.remove(l)
	l.Lot = by
	l.Of.lots.insert(l)
}

// Changes are what a batch has to write: each thing once, as it is at the end.
type Changes struct {
	Records      []*Wallet // that are new, or of which more than the state changed
	States       []*Wallet // the same, and those whose state, transactions or lots changed
	Lots         []*Lot    // new, changed, closed
	Transactions []*Transaction
	Finished     []*Transaction // not those that were also added
	Keys         []*Key
	Holds        []*Hold
	Events       []Event

	txns map[wallet.TransactionID]*Transaction
}

// Transaction returns a transaction that was added or finished in this batch, or nil.
func (c *Changes) Transaction(id wallet.TransactionID) *Transaction { return c.txns[id] }

func (c *Changes) clear() {
	clear(c.Records)
	clear(c.States)
	clear(c.Lots)
	clear(c.Finished)
	clear(c.Holds)
	c.Holds = c.Holds[:0]
	c.Records, c.States, c.Lots, c.Finished = c.Records[:0], c.States[:0], c.Lots[:0], c.Finished[:0]
	c.Transactions, c.Keys, c.Events = nil, nil, nil
}

// Changes returns what there is to write. It is valid until [Unit.Written] or [Unit.Forget].
func (u *Unit) Changes() *Changes {
	u.round++
	u.changes.txns = u.txns
	c := &u.changes
	c.clear()
	state := func(w *Wallet) {
		if w.stateAt != u.round {
			w.stateAt = u.round
			c.States = append(c.States, w)
		}
	}
	for _, s := range u.log.records {
		if s.w.recordAt != u.round {
			s.w.recordAt = u.round
			c.Records = append(c.Records, s.w)
			state(s.w)
		}
	}
	for _, s := range u.log.states {
		state(s.w)
	}
	for _, s := range u.log.lots {
		if s.lot.changedAt != u.round {
			s.lot.changedAt = u.round
			c.Lots = append(c.Lots, s.lot)
			state(s.lot.Of)
		}
	}
	for _, t := range u.log.added {
		state(t.Of)
	}
	for _, s := range u.log.finished {
		if s.t.Before != nil && s.t.finishedAt != u.round {
			s.t.finishedAt = u.round
			c.Finished = append(c.Finished, s.t)
		}
	}
	for _, s := range u.log.holds {
		if s.h.changedAt != u.round {
			s.h.changedAt = u.round
			c.Holds = append(c.Holds, s.h)
		}
	}
	for i := range u.log.events {
		state(u.log.events[i].Of)
	}
	c.Transactions, c.Keys, c.Events = u.log.added, u.log.keys, u.log.events
	return c
}
