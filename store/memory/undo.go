package memory

import (
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A journal has what an Update changed, as it was before, in the order of the changes: a list for each kind of change.
type journal struct {
	wallets  []oldWallet
	states   []oldState
	lots     []oldLot
	opened   []*lot    // added, at first with nothing but the ID
	added    []*ledger // to which a transaction was added
	drawn    []*lot    // from which one of them drew
	finished []finished
	claims   []uid // IDs added to the index
	holds    []oldHold
	events   []spot   // where events were added
	keys     int      // how many were remembered
	receipts []string // the keys of the others
}

type oldWallet struct {
	ledger *ledger
	before *store.Wallet // nil: it was not there
}

type oldState struct {
	ledger *ledger
	wallet *store.Wallet
	before store.State
}

type oldLot struct {
	lot    *lot
	before content
}

type finished struct {
	ledger   *ledger
	position int
	before   record
}

// undo puts everything back: each list from its end, and the lists in an order in which nothing is taken away that another
// one still needs.
func (j *journal) undo(a *account, s *Store) {
	for range j.keys {
		a.keys.pop()
	}
	for _, key := range j.receipts {
		delete(a.keys.receipts, key)
	}
	for _, o := range slices.Backward(j.holds) {
		o.undo(a, s)
	}
	for _, e := range j.events {
		e.ledger.popEvent()
	}
	for _, f := range slices.Backward(j.finished) {
		f.ledger.unstow(f.ledger.records.at(f.position))
		f.ledger.amend(f.position, &f.before)
	}
	for _, it := range j.drawn {
		it.draws.pop()
	}
	for _, l := range slices.Backward(j.added) {
		l.unbook()
	}
	for _, o := range slices.Backward(j.lots) {
		o.lot.replace(&o.before)
	}
	for _, it := range j.opened {
		delete(it.ledger.lots, it.id)
	}
	for _, id := range j.claims {
		s.transactions.remove(id)
	}
	for _, o := range slices.Backward(j.states) {
		o.wallet.State = o.before
		s.agenda.update(o.ledger)
	}
	for _, o := range slices.Backward(j.wallets) {
		if o.before == nil {
			a.close(o.ledger)
			s.wallets.remove(o.ledger.id)
		} else {
			o.ledger.wallet = o.before
		}
		s.agenda.update(o.ledger)
	}
	if len(j.wallets) > 0 {
		a.list()
	}
}

// unbook takes the last record off.
func (l *ledger) unbook() {
	position := l.records.n - 1
	r := l.records.at(position)
	if states[r.state] == wallet.Pending {
		l.await(position, false)
	}
	l.count(r, -1)
	l.unstow(r)
	l.records.pop()
}

// room is how many entries of each kind an empty journal may have room for.
const room = 64

// clear empties the journal, for another Update to use.
func (j *journal) clear() {
	j.wallets = empty(j.wallets)
	j.states = empty(j.states)
	j.lots = empty(j.lots)
	j.opened = empty(j.opened)
	j.added = empty(j.added)
	j.drawn = empty(j.drawn)
	j.finished = empty(j.finished)
	j.holds = empty(j.holds)
	j.events = empty(j.events)
	j.claims = empty(j.claims)
	j.keys = 0
	j.receipts = empty(j.receipts)
}

// empty keeps the list's room, if it is not too much. What is left in there keeps nothing alive for long: the collector
// empties the pool that journals wait in.
func empty[T any](list []T) []T {
	if cap(list) > room {
		return nil
	}
	return list[:0]
}
