package unit

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed-12493b23/wallet"
)

// TestCache uses wallets at random, the first of them all the time, with lots and rules that come and go. What is loaded stays within
// bounds, and a wallet that is in use is seldom dropped.
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
	lost, dropped := 0, 0
	for step := range 40_000 {
		if !use(0) {
			lost++
		}
		use(1 + random.IntN(50_000))
		if step%10 == 0 {
			if _, id := name(1 + random.IntN(50_000)); c.wallet(id) != nil {
				c.young.remove(c.wallet(id).customer)
			}
		}
		loaded := len(c.young.wallets) + len(c.old.wallets)
		if c.age(); len(c.young.wallets)+len(c.old.wallets) < loaded {
			dropped++
		}
		if step%500 > 0 {
			continue
		}
		total := 0
		for _, g := range []generation{c.young, c.old} {
			parts := parts(g)
			if total += len(g.wallets) + parts; g.parts != parts {
				t.Fatalf("step %d: %d parts are counted, there are %d", step, g.parts, parts)
			}
			if len(g.wallets) != len(g.customers) {
				t.Fatalf("step %d: %d wallets of %d customers", step, len(g.wallets), len(g.customers))
			}
		}
		if total > room || dropped > 0 && total < room-room/8 {
			t.Fatalf("step %d: the cache has %d, and room for %d", step, total, room)
		}
	}
	if lost > 5 || dropped < 20 {
		t.Errorf("dropped some %d times; the wallet in use %d times", dropped, lost)
	}
}

// What there is room for is never dropped, in whatever order it is used.
func TestCacheKeepsWhatFits(t *testing.T) {
	c := cache{newGeneration(), newGeneration()}
	for i := range 10 * room {
		n := i
		if i >= room/2 {
			n = rand.IntN(room / 2)
		}
		customer := wallet.CustomerID(fmt.Sprint(n))
		if known := c.customer(customer) != nil; !known {
			if i >= room/2 {
				t.Fatalf("use %d: a customer was dropped", i)
			}
			c.addCustomer(&Customer{ID: customer})
		}
		c.age()
	}
	c.addCustomer(&Customer{ID: "one more"})
	if c.age(); len(c.young.customers)+len(c.old.customers) >= room/2 {
		t.Error("too many customers")
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
