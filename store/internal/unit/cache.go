package unit

import "github.com/seed-12493b23/wallet"

// room is how many wallets, and lots, rules and pairs of metadata of them, the cache takes. None of them takes more than 1 kB or so.
const room = 256 << 10

// lotRoom is how many lots of one wallet stay loaded between batches.
const lotRoom = 32

// A cache keeps customers with their wallets. When there is no room, it drops old ones. Those that are used become young; when no
// old ones are left, all become old.
type cache struct{ young, old generation }

type generation struct {
	customers map[wallet.CustomerID]*Customer
	wallets   map[wallet.ID]*Wallet
	parts     int // of the wallets: lots, rules and metadata
}

func newGeneration() generation {
	return generation{customers: map[wallet.CustomerID]*Customer{}, wallets: map[wallet.ID]*Wallet{}}
}

func (c *cache) clear() { c.young, c.old = newGeneration(), newGeneration() }

func (c *cache) customer(id wallet.CustomerID) *Customer {
	if found := c.young.customers[id]; found != nil {
		return found
	}
	found := c.old.customers[id]
	if found != nil {
		c.keep(found)
	}
	return found
}

func (c *cache) wallet(id wallet.ID) *Wallet {
	if found := c.young.wallets[id]; found != nil {
		return found
	}
	found := c.old.wallets[id]
	if found != nil {
		c.keep(found.customer)
	}
	return found
}

// keep moves a customer of the old generation to the young one.
func (c *cache) keep(customer *Customer) {
	c.old.remove(customer)
	c.addCustomer(customer)
	for _, w := range customer.wallets {
		c.addWallet(w)
	}
}

// remove removes a customer and its wallets.
func (g *generation) remove(customer *Customer) {
	delete(g.customers, customer.ID)
	for _, w := range customer.wallets {
		delete(g.wallets, w.ID)
		g.parts -= w.parts
	}
}

func (c *cache) addCustomer(customer *Customer) { c.young.customers[customer.ID] = customer }

func (c *cache) addWallet(w *Wallet) {
	c.young.wallets[w.ID] = w
	c.young.parts += w.parts
	c.count(w)
}

func (c *cache) dropWallet(w *Wallet) {
	delete(c.young.wallets, w.ID)
	c.young.parts -= w.parts
}

// count counts the parts of a wallet anew.
func (c *cache) count(w *Wallet) {
	n := len(w.lots.first) + len(w.lots.beyond) + len(w.Metadata)
	for i := range w.Rules {
		n += 1 + len(w.Rules[i].Metadata)
	}
	c.young.parts += n - w.parts
	w.parts = n
}

// age makes room if there is none, and a little to spare, so that nobody waits long or often for it. It is called between batches:
// nobody has pointers to what it drops.
func (c *cache) age() {
	if !c.exceeds(room) {
		return
	}
	const enough = room - room/128
	for c.exceeds(enough) {
		if len(c.old.customers) == 0 {
			c.old, c.young = c.young, newGeneration()
		}
		for _, customer := range c.old.customers {
			c.old.remove(customer)
			if !c.exceeds(enough) {
				break
			}
		}
	}
}

// exceeds reports whether the cache has more than a limit allows.
func (c *cache) exceeds(limit int) bool {
	loaded := len(c.young.wallets) + c.young.parts + len(c.old.wallets) + c.old.parts
	return loaded > limit || len(c.young.customers)+len(c.old.customers) > limit/2
}
