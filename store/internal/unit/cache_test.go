package unit

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed-12493b23/wallet"
)

// TestCache uses wallets at random, the first of them all the time, with lots and rules that come and go. What is loaded stays within two
// generations, and a wallet that is in use is never dropped.
func TestCache(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := cache{newGeneration(), newGeneration()}
	name := func(i int) (wallet.CustomerID, wallet.ID) {
		var id wallet.ID
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(i))
		id.SetBytes(b)
		return wallet.CustomerID(fmt.Sprint(i)), id
	}
	use := func(i int) (known bool) {
		customer, id := name(i)
		w := c.wallet(id)
		known = w != nil
		if !known {
			w = &Wallet{customer: &Customer{ID: customer}}
			w.ID = id
			w.customer.wallets = []*Wallet{w}
			c.addCustomer(w.customer)
			c.addWallet(w)
		}
		w.lots.first = make([]*Lot, random.IntN(2*lotRoom))
		w.Rules = make([]wallet.Rule, i%3)
		if i%3 == 2 {
			w.Rules[0].Metadata = map[string]string{"a": "1", "b": "2"}
		}
		c.count(w)
		return known
	}
	use(0)
	aged := 0
	for step := range 20_000 {
		if !use(0) {
			t.Fatalf("step %d: the wallet in use was dropped", step)
		}
		use(1 + random.IntN(50_000))
		if step%10 == 0 {
			if customer, id := name(1 + random.IntN(50_000)); c.wallet(id) != nil {
				c.dropWallet(c.wallet(id))
				delete(c.young.customers, customer)
			}
		}
		young := len(c.young.wallets)
		c.age()
		if len(c.young.wallets) < young {
			aged++
		}
		if step%500 > 0 {
			continue
		}
		for _, g := range []generation{c.young, c.old} {
			if parts := parts(g); len(g.wallets)+parts > room+100 {
				t.Fatalf("step %d: %d wallets with %d parts in a generation", step, len(g.wallets), parts)
			}
			if len(g.wallets) != len(g.customers) {
				t.Fatalf("step %d: %d wallets of %d customers", step, len(g.wallets), len(g.customers))
			}
		}
		if parts := parts(c.young); c.young.parts != parts {
			t.Fatalf("step %d: %d parts are counted, there are %d", step, c.young.parts, parts)
		}
	}
	if aged < 3 {
		t.Errorf("%d generations", aged)
	}
}

func parts(g generation) (n int) {
	for _, w := range g.wallets {
		n += len(w.lots.first) + len(w.Rules)
		for _, r := range w.Rules {
			n += len(r.Metadata)
		}
	}
	return n
}
