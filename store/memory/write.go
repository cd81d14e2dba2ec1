package memory

import (
	"fmt"
	"sync"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A tx is a [store.Tx]: a reader of the one account that it holds, and a journal of what it has done there.
type tx struct {
	reader
	journal journal
	done    bool // what was put stays
}

var txs = sync.Pool{New: func() any { return new(tx) }}

// close ends the Update, which may be on its way out of a panic.
func (t *tx) close() {
	s, a := t.store, t.account
	if !t.done {
		t.journal.undo(a, s)
	}
	events := t.done && len(t.journal.events) > 0
	if events {
		s.feed.Lock()
		s.feed.number(t.journal.events)
	}
	s.gates.of(a).release(shared)
	s.leave(a)
	if events {
		s.feed.Unlock()
	}
	t.journal.clear()
	t.reader, t.done = reader{}, false
	txs.Put(t)
}

// own returns the ledger of one of the account's wallets, for writing in it.
func (t *tx) own(id wallet.ID) (*ledger, error) {
	l, err := t.ledger(id)
	if err != nil {
		return nil, fmt.Errorf("store: put into wallet %s, which customer %q does not have: %w", id, t.account.customer, err)
	}
	return l, nil
}

func (t *tx) PutWallet(w store.Wallet) error {
	if w.Customer != t.account.customer {
		return fmt.Errorf("store: put of wallet %s of customer %q in an Update of %q", w.ID, w.Customer, t.account.customer)
	}
	l := t.account.ledger(w.ID)
	var before *store.Wallet
	if l != nil {
		before = l.wallet
	}
	if err := w.Check(before); err != nil {
		return err
	}
	kept := new(store.Wallet)
	*kept = w
	if l == nil {
		l = t.account.open(kept)
		if _, added := t.store.wallets.add(l.id, l); !added {
			t.account.close(l)
			return fmt.Errorf("store: wallet %s is another customer's", w.ID)
		}
	}
	t.journal.wallets = append(t.journal.wallets, oldWallet{l, before})
	l.wallet = kept
	t.account.list()
	t.store.agenda.update(l)
	return nil
}

func (t *tx) PutState(id wallet.ID, s store.State) error {
	l, err := t.own(id)
	if err != nil {
		return err
	}
	w := l.wallet
	if err := s.Check(w); err != nil {
		return err
	}
	t.journal.states = append(t.journal.states, oldState{l, w, w.State})
	w.State = s
	t.store.agenda.update(l)
	return nil
}

func (t *tx) PutLot(p store.Lot) error {
	l, err := t.own(p.Wallet)
	if err != nil {
		return err
	}
	id := uidOf(p.ID.Bytes())
	it := t.known(l, id)
	var before *store.Lot
	if it != nil && it.kind != 0 {
		before = new(store.Lot)
		it.show(before)
	}
	if err := p.Check(before); err != nil {
		return err
	}
	var c content
	if err := c.fill(&p); err != nil {
		return err
	}
	if c.open() && !l.vacant(p.Key, it) {
		return fmt.Errorf("store: lot %s has the key of another lot", p.ID)
	}
	if it, err = t.lot(l, id); err != nil {
		return err
	}
	t.journal.lots = append(t.journal.lots, oldLot{it, it.content})
	it.replace(&c)
	return nil
}

// known returns a lot of the ledger, or nil.
func (t *tx) known(l *ledger, id uid) *lot {
	last := &t.last.lot
	if *last == nil || (*last).id != id || (*last).ledger != l {
		*last = l.lots[id]
	}
	return *last
}

// lot returns a lot of the ledger, and adds one of which only the ID is known if there is none.
func (t *tx) lot(l *ledger, id uid) (*lot, error) {
	if it := t.known(l, id); it != nil {
		return it, nil
	}
	if err := t.claim(id, l); err != nil {
		return nil, err
	}
	it := &lot{ledger: l, id: id}
	l.lots[id], t.last.lot = it, it
	t.journal.opened = append(t.journal.opened, it)
	return it, nil
}

// claim notes in the index that an ID belongs to the ledger.
func (t *tx) claim(id uid, l *ledger) error {
	owner, added := t.store.transactions.add(id, l)
	if owner != l {
		return fmt.Errorf("store: the ID %x is in use in another wallet", id.bytes())
	}
	if added {
		t.journal.claims = append(t.journal.claims, id)
	}
	return nil
}

func (t *tx) AddTransaction(given *wallet.Transaction, draws []wallet.Draw) error {
	l, err := t.own(given.Wallet)
	if err != nil {
		return err
	}
	if given.Customer != t.account.customer {
		return fmt.Errorf("store: put of transaction %s of customer %q in an Update of %q", given.ID, given.Customer, t.account.customer)
	}
	if err := store.CheckTransaction(given, draws); err != nil {
		return err
	}
	var r record
	if err := r.pack(given, draws); err != nil {
		return err
	}
	position := l.records.n
	if position > 0 && !l.records.at(position-1).id.less(r.id) {
		return fmt.Errorf("store: transaction %s is not greater than the last of its wallet", given.ID)
	}
	for i := range draws { // lots first: what fails must fail before anything is added
		if _, err := t.lot(l, uidOf(draws[i].Lot.Bytes())); err != nil {
			return err
		}
	}
	if err := t.claim(r.id, l); err != nil {
		return err
	}
	l.stow(&r, given, draws)
	l.records.push(r)
	l.count(&r, +1)
	if states[r.state] == wallet.Pending {
		l.await(position, true)
	}
	t.journal.added = append(t.journal.added, l)
	for i := range draws {
		it := t.known(l, uidOf(draws[i].Lot.Bytes()))
		it.draws.push(uint32(position))
		t.journal.drawn = append(t.journal.drawn, it)
	}
	if !timely(&r) && !t.store.untimely.Load() {
		t.store.untimely.Store(true)
	}
	return nil
}

func (t *tx) Finish(given *wallet.Transaction) error {
	l, err := t.own(given.Wallet)
	if err != nil {
		return err
	}
	position := l.find(uidOf(given.ID.Bytes()))
	if position < 0 {
		return fmt.Errorf("store: finish of transaction %s: %w", given.ID, wallet.ErrNotFound)
	}
	at := l.records.at(position)
	before := l.unpack(at)
	if err := store.CheckFinish(&before, given); err != nil {
		return err
	}
	var r record
	if err := r.pack(given, nil); err != nil {
		return err
	}
	t.journal.finished = append(t.journal.finished, finished{l, position, *at})
	l.stow(&r, given, nil) // what was stowed while it was pending is not read any more
	l.amend(position, &r)
	return nil
}

// amend replaces a record by one of another state.
func (l *ledger) amend(position int, r *record) {
	at := l.records.at(position)
	l.count(at, -1)
	*at = *r
	l.count(at, +1)
	l.await(position, states[r.state] == wallet.Pending)
}

func (t *tx) Remember(key string, full store.Outcome) error {
	keys := &t.account.keys
	if _, known := keys.receipts[key]; known || keys.find(key) != nil {
		return fmt.Errorf("store: key %q has an outcome", key)
	}
	if l, position := t.only(&full); l != nil {
		o := outcome{
			fingerprint: full.Fingerprint, unnamed: full.Wallet.IsZero(), ledger: l.number, position: uint32(position),
		}
		if keys.add(key, o) {
			t.journal.keys++
			return nil
		}
	}
	if keys.receipts == nil {
		keys.receipts = make(map[string]store.Outcome)
	}
	keys.receipts[key] = full
	t.journal.receipts = append(t.journal.receipts, key)
	return nil
}

// only returns where the only transaction of an outcome is, if it has one and no hold, and the wallet it names, if any, is that
// transaction's.
func (t *tx) only(o *store.Outcome) (*ledger, int) {
	if len(o.Transactions) != 1 || !o.Hold.IsZero() {
		return nil, 0
	}
	id := uidOf(o.Transactions[0].Bytes())
	var l *ledger
	if added := t.journal.added; !o.Wallet.IsZero() {
		l = t.account.ledger(o.Wallet)
	} else if n := len(added); n > 0 && added[n-1].find(id) >= 0 { // the one just added, mostly
		l = added[n-1]
	} else {
		l = t.store.transactions.get(id)
	}
	if l == nil || l.account != t.account {
		return nil, 0
	}
	if position := l.find(id); position >= 0 {
		return l, position
	}
	return nil, 0
}
