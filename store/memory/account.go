package memory

import (
	"slices"
	"sort"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// An account is all there is of one customer. Its lock guards it, and the ledgers in it.
type account struct {
	lock
	customer wallet.CustomerID
	gate     uint8
	gone     bool // dropped: the customer has another account now, or none

	ledgers []*ledger       // by wallet ID
	opened  []*ledger       // by number, which is the order they were opened in
	active  []*store.Wallet // by ID; replaced rather than changed, since readers have it

	keys  keyring
	holds holds
}

// A ledger is all there is of one wallet.
type ledger struct {
	account *account
	id      uid
	number  uint32        // in the account
	wallet  *store.Wallet // nil: the wallet's creation was undone
	due     int64         // when the agenda has it, in microseconds; never: it has not

	records list[record] // in the order of their IDs
	labels  list[labels] // that records have, in the order they were given
	extras  list[extra]  // likewise
	events  list[event]  // by number, which is their position + 1
	rare    list[wallet.Event]
	pending []uint32 // positions of the pending ones, ascending
	tally   [len(kinds)][len(states)]uint32

	lots     map[uid]*lot  // open and closed
	spending ordered[*lot] // the open ones by key
	expiring ordered[*lot] // those of them that expire, by expiry and key
}

// ledger returns the ledger of one of the account's wallets, or nil.
func (a *account) ledger(id wallet.ID) *ledger {
	u := uidOf(id.Bytes())
	if i := a.search(u); i < len(a.ledgers) && a.ledgers[i].id == u {
		return a.ledgers[i]
	}
	return nil
}

// search returns where in the account a wallet's ledger is, or would be.
func (a *account) search(id uid) int {
	if len(a.ledgers) == 1 && a.ledgers[0].id == id {
		return 0
	}
	return sort.Search(len(a.ledgers), func(i int) bool { return !a.ledgers[i].id.less(id) })
}

// open adds the ledger of a new wallet.
func (a *account) open(w *store.Wallet) *ledger {
	l := &ledger{account: a, id: uidOf(w.ID.Bytes()), number: uint32(len(a.opened)), wallet: w, due: never, lots: make(map[uid]*lot)}
	a.opened = append(a.opened, l)
	a.ledgers = slices.Insert(a.ledgers, a.search(l.id), l)
	return l
}

// close takes the ledger that was opened last out.
func (a *account) close(l *ledger) {
	l.wallet = nil
	a.opened = a.opened[:l.number]
	i := a.search(l.id)
	a.ledgers = slices.Delete(a.ledgers, i, i+1)
}

// list renews the list of active wallets.
func (a *account) list() {
	a.active = make([]*store.Wallet, 0, len(a.ledgers))
	for _, l := range a.ledgers {
		if l.wallet.Status == wallet.Active {
			a.active = append(a.active, l.wallet)
		}
	}
}

// find returns the position of a transaction, or −1.
func (l *ledger) find(id uid) int {
	if n := l.records.n; n > 0 && l.records.at(n-1).id == id { // who looks for one has often just added it
		return n - 1
	}
	if i := l.search(id); i < l.records.n && l.records.at(i).id == id {
		return i
	}
	return -1
}

// search returns the position of the first transaction whose ID is at least id.
func (l *ledger) search(id uid) int {
	return sort.Search(l.records.n, func(i int) bool { return !l.records.at(i).id.less(id) })
}

// await notes that the transaction at a position is pending, or is not any more.
func (l *ledger) await(position int, pending bool) {
	at, _ := slices.BinarySearch(l.pending, uint32(position))
	if pending {
		l.pending = slices.Insert(l.pending, at, uint32(position))
	} else {
		l.pending = slices.Delete(l.pending, at, at+1)
	}
}

// count adds n transactions like r to the tally.
func (l *ledger) count(r *record, n int) { l.tally[r.kind][r.state] += uint32(n) }
