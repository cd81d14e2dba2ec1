package memory

import (
	"sync"

	"github.com/seed-12493b23/wallet"
)

// The store's own tables are divided so that customers do not meet in them; whoever does holds a part for the time of one
// look or one change, and waits for nothing meanwhile.
const parts = 64

// A directory finds customers' accounts.
type directory struct {
	parts [parts]struct {
		sync.Mutex
		accounts map[wallet.CustomerID]*account
		_        [64]byte
	}
}

func (d *directory) init() {
	for i := range d.parts {
		d.parts[i].accounts = make(map[wallet.CustomerID]*account)
	}
}

func (d *directory) part(c wallet.CustomerID) uint32 { return hash(string(c)) % parts }

// get returns a customer's account, or nil.
func (d *directory) get(c wallet.CustomerID) *account {
	p := &d.parts[d.part(c)]
	p.Lock()
	defer p.Unlock()
	return p.accounts[c]
}

// open returns a customer's account, which may be new.
func (d *directory) open(c wallet.CustomerID) *account {
	if a := d.get(c); a != nil {
		return a
	}
	at := d.part(c)
	p := &d.parts[at]
	p.Lock()
	defer p.Unlock()
	a := p.accounts[c]
	if a == nil {
		a = &account{customer: c, gate: uint8(at % uint32(len(gates{})))}
		p.accounts[c] = a
	}
	return a
}

// drop forgets an account, which its caller has locked.
func (d *directory) drop(a *account) {
	p := &d.parts[d.part(a.customer)]
	p.Lock()
	defer p.Unlock()
	delete(p.accounts, a.customer)
	a.gone = true
}

// An index finds the ledger that an ID belongs to, and has the IDs in order.
type index struct {
	parts [parts]struct {
		sync.Mutex
		entries ordered[entry]
		_       [64]byte
	}
}

type entry struct {
	id     uid
	ledger *ledger
}

// get returns the ledger of an ID, or nil.
func (x *index) get(id uid) *ledger {
	p := &x.parts[id.lo%parts]
	p.Lock()
	defer p.Unlock()
	if e := p.entries.at(p.entries.seek(func(e *entry) bool { return e.id.less(id) })); e != nil && e.id == id {
		return e.ledger
	}
	return nil
}

// add notes whose an ID is. If that was known it returns the ledger, and false.
func (x *index) add(id uid, l *ledger) (*ledger, bool) {
	p := &x.parts[id.lo%parts]
	p.Lock()
	defer p.Unlock()
	at := p.entries.seek(func(e *entry) bool { return e.id.less(id) })
	if e := p.entries.at(at); e != nil && e.id == id {
		return e.ledger, false
	}
	p.entries.insert(at, entry{id, l})
	return l, true
}

func (x *index) remove(id uid) {
	p := &x.parts[id.lo%parts]
	p.Lock()
	defer p.Unlock()
	p.entries.remove(p.entries.seek(func(e *entry) bool { return e.id.less(id) }))
}

// streams returns the IDs from low on and below high, a stream for each part. The gates are closed.
func (x *index) streams(low, high uid, ascending bool) []stream {
	var all []stream
	for i := range x.parts {
		entries := &x.parts[i].entries
		s := &indexStream{entries: entries, low: low, high: high, ascending: ascending}
		if ascending {
			s.place = entries.seek(func(e *entry) bool { return e.id.less(low) })
		} else {
			s.place = entries.previous(entries.seek(func(e *entry) bool { return e.id.less(high) }))
		}
		all = append(all, s)
	}
	return all
}

// An agenda has the active wallets with something due, soonest first.
type agenda struct {
	sync.Mutex
	entries ordered[appointment]
}

type appointment struct {
	at     int64 // in microseconds
	ledger *ledger
}

func (a *appointment) before(b appointment) bool {
	return a.at < b.at || a.at == b.at && a.ledger.id.less(b.ledger.id)
}

// update puts a ledger where its wallet belongs now.
func (g *agenda) update(l *ledger) {
	due := int64(never)
	if w := l.wallet; w != nil && w.Status == wallet.Active {
		due = micros(w.State.NextDue)
	}
	if due == l.due {
		return
	}
	g.Lock()
	defer g.Unlock()
	if l.due != never {
		old := appointment{l.due, l}
		g.entries.remove(g.entries.seek(func(a *appointment) bool { return a.before(old) }))
	}
	if l.due = due; due != never {
		now := appointment{due, l}
		g.entries.insert(g.entries.seek(func(a *appointment) bool { return a.before(now) }), now)
	}
}
