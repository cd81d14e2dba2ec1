package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// dump is all that a store shows, a record a line.
func dump(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	add := func(kind string, record any) { lines = append(lines, fmt.Sprintf("%s %+v", kind, record)) }
	last := make(map[string]uid)
	descends := func(kind string, id [16]byte) {
		if after, seen := last[kind]; seen && !uidOf(id).less(after) {
			t.Fatalf("%s %x comes after %x", kind, id, after.bytes())
		}
		last[kind] = uidOf(id)
	}
	err := s.View(context.Background(), func(r store.Reader) error {
		for w := range r.Wallets(wallet.WalletQuery{}) {
			add("wallet", *w)
			descends("wallet", w.ID.Bytes())
			for at := []byte(nil); ; {
				l, ok, err := r.NextLot(w.ID, at)
				if !ok || err != nil {
					break
				}
				add("lot", l)
				at = l.Key
			}
			for l := range r.ExpiringLots(w.ID, epoch.AddDate(9, 0, 0)) {
				add("expiring", l.ID)
			}
		}
		for tx := range r.Transactions(wallet.TransactionQuery{}) {
			add("transaction", tx)
			descends("transaction", tx.ID.Bytes())
			for d := range r.Draws(tx.ID, 0) {
				add("draw", d)
			}
		}
		for h := range r.Holds(wallet.HoldQuery{}) {
			add("hold", h)
			descends("hold", h.ID.Bytes())
		}
		for e := range r.Events(wallet.EventQuery{}) {
			add("event", e)
		}
		for c := range r.Due(epoch.AddDate(9, 0, 0)) {
			add("due", c)
		}
		for c := range 4 {
			for key := range 2000 {
				if o, known, _ := r.Outcome(wallet.CustomerID(fmt.Sprint("customer ", c)), fmt.Sprint("key ", key)); known {
					add(fmt.Sprint("key ", key), o)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// check works out everything that the store keeps for speed from what it keeps for good.
func check(t *testing.T, s *Store) {
	t.Helper()
	ids, wallets, appointments, accounts, holds := 0, 0, 0, 0, 0
	for i := range s.customers.parts {
		for _, a := range s.customers.parts[i].accounts {
			accounts++
			if a.gone || len(a.ledgers)+a.keys.outcomes.n+len(a.keys.receipts) == 0 {
				t.Fatalf("account %q is empty, or gone", a.customer)
			}
			var active []*store.Wallet
			for _, l := range a.ledgers {
				wallets++
				ids += checkLedger(t, s, l)
				if l.wallet.Status == wallet.Active {
					active = append(active, l.wallet)
				}
				if l.due != never {
					appointments++
				}
				if due := micros(l.wallet.State.NextDue); l.due != due && (l.due != never || l.wallet.Status == wallet.Active) {
					t.Fatalf("wallet %s is due at %d, want %d", l.wallet.ID, l.due, due)
				}
			}
			open := slices.DeleteFunc(slices.Clone(a.holds.all), func(h *held) bool { return h.State != wallet.HoldOpen })
			if !slices.Equal(open, a.holds.open) {
				t.Fatalf("open holds of %q: got %v, want %v", a.customer, a.holds.open, open)
			}
			for _, h := range a.holds.all {
				holds++
				if l := s.holds.get(h.id); l == nil || l.account != a {
					t.Fatalf("hold %s is not found", h.ID)
				}
			}
			if !slices.Equal(a.active, active) {
				t.Fatalf("active wallets of %q: got %v, want %v", a.customer, a.active, active)
			}
			if n := a.holders; n != 0 || a.first != nil {
				t.Fatalf("account %q is locked by %d", a.customer, n)
			}
		}
	}
	count := func(x *index) (n int) {
		for i := range x.parts {
			for _, c := range x.parts[i].entries.chunks {
				n += len(c)
			}
		}
		return n
	}
	if got := count(&s.transactions); got != ids {
		t.Fatalf("%d IDs of transactions and lots in the index, want %d", got, ids)
	}
	if got := count(&s.wallets); got != wallets {
		t.Fatalf("%d wallets in the index, want %d", got, wallets)
	}
	if got := count(&s.holds); got != holds {
		t.Fatalf("%d holds in the index, want %d", got, holds)
	}
	n := 0
	for p := (place{}); s.agenda.entries.at(p) != nil; p = s.agenda.entries.next(p) {
		e := s.agenda.entries.at(p)
		if last := s.agenda.entries.at(s.agenda.entries.previous(p)); last != nil && !last.before(*e) || e.at != e.ledger.due {
			t.Fatalf("appointment %d is out of place", n)
		}
		n++
	}
	if n != appointments {
		t.Fatalf("%d appointments, want %d", n, appointments)
	}
}

// checkLedger returns how many IDs the index has for the ledger.
func checkLedger(t *testing.T, s *Store, l *ledger) (ids int) {
	t.Helper()
	var pending []uint32
	var tally [len(kinds)][len(states)]uint32
	draws := make(map[uid][]uint32)
	for i := range l.records.n {
		r := l.records.at(i)
		if l.find(r.id) != i || s.transactions.get(r.id) != l {
			t.Fatalf("transaction %x is not found", r.id.bytes())
		}
		if states[r.state] == wallet.Pending {
			pending = append(pending, uint32(i))
		}
		tally[r.kind][r.state]++
		var room [1]draw
		for _, d := range l.draws(r, &room) {
			draws[d.lot] = append(draws[d.lot], uint32(i))
		}
		if l.lots[r.id] == nil {
			ids++
		}
	}
	if !slices.Equal(pending, l.pending) || tally != l.tally {
		t.Fatalf("pending %v, want %v; tally %v, want %v", l.pending, pending, l.tally, tally)
	}
	rare := 0
	for i := range l.events.n {
		e := l.events.at(i)
		if e.cursor == 0 || e.cursor >= uncommitted || i > 0 && e.cursor <= l.events.at(i-1).cursor {
			t.Fatalf("event %d has cursor %d", i+1, e.cursor)
		}
		if e.what == isRare {
			rare++
		}
	}
	if rare != l.rare.n {
		t.Fatalf("%d rare events, want %d", l.rare.n, rare)
	}
	open, expiring := 0, 0
	for id, it := range l.lots {
		ids++
		if it.id != id || s.transactions.get(id) != l {
			t.Fatalf("lot %x is not found", id.bytes())
		}
		var drawn []uint32
		for i := range it.draws.n {
			drawn = append(drawn, *it.draws.at(i))
		}
		if !slices.Equal(drawn, draws[id]) {
			t.Fatalf("lot %x: drawn by %v, want %v", id.bytes(), drawn, draws[id])
		}
		if it.open() != (it.key != nil) {
			t.Fatalf("lot %x: open %t, key %x", id.bytes(), it.open(), it.key)
		}
		if it.open() {
			open++
			if it.expires != never {
				expiring++
			}
		}
	}
	var last *lot
	for p := (place{}); l.spending.at(p) != nil; p = l.spending.next(p) {
		it := *l.spending.at(p)
		if open--; !it.open() || l.lots[it.id] != it || last != nil && bytes.Compare(last.key, it.key) >= 0 {
			t.Fatalf("lot %x is out of place", it.id.bytes())
		}
		last = it
	}
	last = nil
	for p := (place{}); l.expiring.at(p) != nil; p = l.expiring.next(p) {
		it := *l.expiring.at(p)
		if expiring--; !it.open() || l.lots[it.id] != it || last != nil && !last.lapses(it.expires, it.key) {
			t.Fatalf("lot %x is out of place among the expiring", it.id.bytes())
		}
		last = it
	}
	if open != 0 || expiring != 0 {
		t.Fatalf("%d lots are not in order, %d of the expiring", open, expiring)
	}
	return ids
}
