package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestUndo runs random Updates on one store, of which every second one fails in some way, and those that succeed on another
// store too: nothing tells the stores apart, or is out of place in them.
func TestUndo(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		both, clean := New(), New()
		g := &gambler{random: random, now: epoch}
		for step := range 150 {
			customer := wallet.CustomerID(fmt.Sprint("customer ", random.IntN(4)))
			fn := g.plan(customer, 1+random.IntN(12))
			if step%2 == 0 {
				ruin(t, both, customer, fn, random.IntN(4))
				check(t, both)
				continue
			}
			for _, s := range []*Store{both, clean} {
				if err := s.Update(context.Background(), store.Scope{Customer: customer}, fn); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
		}
		check(t, both)
		got, want := dump(t, both), dump(t, clean)
		for i := range max(len(got), len(want)) {
			if i >= min(len(got), len(want)) || got[i] != want[i] {
				t.Fatalf("seed %d: line %d of %d and %d: got\n%v\nwant\n%v", seed, i, len(got), len(want), got[min(i, len(got)-1)], want[min(i, len(want)-1)])
			}
		}
	}
}

// ruin runs fn in an Update that fails, and checks that it fails the right way.
func ruin(t *testing.T, s *Store, customer wallet.CustomerID, fn func(store.Tx) error, way int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	scope := store.Scope{Customer: customer}
	failure := errors.New("failure")
	switch way {
	case 0:
		if err := s.Update(ctx, scope, func(tx store.Tx) error { return cmpOr(fn(tx), failure) }); err != failure {
			t.Fatalf("after an error: %v", err)
		}
	case 1:
		err := s.Update(ctx, scope, func(tx store.Tx) error { err := fn(tx); cancel(); return err })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after a cancellation: %v", err)
		}
	case 2:
		defer func() {
			if got := recover(); got != failure {
				t.Fatalf("after a panic: %v", got)
			}
		}()
		_ = s.Update(ctx, scope, func(tx store.Tx) error { _ = fn(tx); panic(failure) })
	case 3:
		done := make(chan bool)
		go func() {
			defer close(done)
			_ = s.Update(ctx, scope, func(tx store.Tx) error { _ = fn(tx); runtime.Goexit(); return nil })
			t.Error("after a Goexit: still there")
		}()
		<-done
	}
}

func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A gambler plans what an Update puts.
type gambler struct {
	random *rand.Rand
	now    time.Time
	last   wallet.TransactionID
	wallet wallet.ID
	keys   int
}

// plan returns a function that puts the same whenever it finds the same.
func (g *gambler) plan(customer wallet.CustomerID, steps int) func(store.Tx) error {
	seed := g.random.Uint64()
	now, last, id, keys := g.now, g.last, g.wallet, g.keys
	fn := func(tx store.Tx) error {
		g := &gambler{random: rand.New(rand.NewPCG(seed, 1)), now: now, last: last, wallet: id, keys: keys}
		for range steps {
			if err := g.put(tx, customer); err != nil {
				return err
			}
		}
		return nil
	}
	g.now = g.now.Add(time.Duration(steps) * time.Hour)
	g.last = wallet.FirstAt(g.now)
	g.wallet.SetBytes(g.last.Bytes())
	g.keys += steps
	return fn
}

// put takes a random step in the history of a customer.
func (g *gambler) put(tx store.Tx, customer wallet.CustomerID) error {
	g.now = g.now.Add(time.Minute)
	r := g.random
	active, err := tx.ActiveWallets(customer)
	if err != nil {
		return err
	}
	if len(active) == 0 || r.IntN(10) == 0 {
		g.wallet.SetBytes(uidOf(g.wallet.Bytes()).next().bytes())
		return tx.PutWallet(store.Wallet{Wallet: wallet.Wallet{
			ID: g.wallet, Customer: customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: g.now,
		}})
	}
	w := active[r.IntN(len(active))]
	p := &purse{customer: customer, wallet: w.ID, last: g.last, now: g.now, random: r}
	defer func() { g.last = p.last }()
	amount := func(below int64) wallet.Amount { a, _ := wallet.NewAmount(1+r.Int64N(below), 0); return a }
	expires := time.Time{}
	if r.IntN(2) == 0 {
		expires = g.now.Add(time.Duration(r.IntN(100)) * time.Hour)
	}
	first, found, err := tx.NextLot(w.ID, [][]byte{nil, {byte(r.IntN(256))}}[r.IntN(2)])
	if err != nil {
		return err
	}
	switch step := r.IntN(9); {
	case step == 0:
		changed := *w
		changed.Name = fmt.Sprint(r.IntN(100))
		if r.IntN(8) == 0 {
			changed.Status, changed.TerminatedAt = wallet.Terminated, g.now
		}
		return tx.PutWallet(changed)
	case step == 1:
		state := w.State
		state.Events++
		state.NextDue = expires
		return tx.PutState(w.ID, state)
	case step == 2:
		t := p.transaction(wallet.Purchased, amount(100))
		t.State, t.SettledAt = wallet.Pending, time.Time{}
		return tx.AddTransaction(t, nil)
	case step == 3:
		for t, err := range tx.Transactions(wallet.TransactionQuery{Wallet: w.ID, States: []wallet.State{wallet.Pending}}) {
			if err != nil {
				return err
			}
			t.State, t.SettledAt = wallet.Settled, g.now
			if r.IntN(2) == 0 {
				t.State, t.SettledAt, t.FailedAt, t.Reason = wallet.Failed, time.Time{}, g.now, "declined"
			}
			return tx.Finish(t)
		}
		return nil
	case step == 4 && found: // the order changes
		first.Key = slices.Concat([]byte{byte(r.IntN(256))}, first.Key)
		first.ExpiresAt = expires
		return tx.PutLot(first)
	case step <= 6 && found:
		t := p.transaction(wallet.Consumed, wallet.Amount{})
		var draws []wallet.Draw
		for range 1 + r.IntN(3) {
			took := amount(30).Min(first.Remaining)
			if took.IsZero() {
				break
			}
			first.Remaining = first.Remaining.Sub(took)
			t.Credits = t.Credits.Add(took)
			draws = append(draws, wallet.Draw{
				Lot: first.ID, By: t.ID, Wallet: w.ID, Kind: t.Kind, Credits: took, Amount: took, Fee: fmt.Sprint(len(draws)),
			})
		}
		t.Money.Amount = t.Credits
		if err := tx.AddTransaction(t, draws); err != nil {
			return err
		}
		return tx.PutLot(first)
	case step == 7:
		g.keys++
		o := store.Outcome{Wallet: w.ID}
		for t := range tx.Transactions(wallet.TransactionQuery{Customer: customer, Limit: r.IntN(3)}) {
			o.Transactions = append(o.Transactions, t.ID)
		}
		return tx.Remember(fmt.Sprint("key ", g.keys), o)
	}
	_, err = p.grant(tx, amount(100), expires)
	return err
}

// dump is all that a store shows, a record a line.
func dump(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	add := func(kind string, record any) { lines = append(lines, fmt.Sprintf("%s %+v", kind, record)) }
	err := s.View(context.Background(), func(r store.Reader) error {
		for w := range r.Wallets(wallet.WalletQuery{}) {
			add("wallet", *w)
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
			for d := range r.Draws(tx.ID, 0) {
				add("draw", d)
			}
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
	ids, wallets, appointments, accounts := 0, 0, 0, 0
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
	n := 0
	for p := (place{}); s.agenda.entries.at(p) != nil; p = s.agenda.entries.next(p) {
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
		for _, d := range r.draws(&room) {
			draws[d.lot] = append(draws[d.lot], uint32(i))
		}
		if l.lots[r.id] == nil {
			ids++
		}
	}
	if !slices.Equal(pending, l.pending) || tally != l.tally {
		t.Fatalf("pending %v, want %v; tally %v, want %v", l.pending, pending, l.tally, tally)
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
