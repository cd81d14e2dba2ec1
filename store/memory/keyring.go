package memory

import (
	"hash/maphash"
	"math"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A keyring has the outcomes of a customer's commands by their keys. It is a hash table whose slots point into a list. No
// part of it points elsewhere, so that the garbage collector has nothing to look at, however many keys there are.
//
// Keys that are ordered by time come in ascending order: one that is greater than all others is new, and is placed in the table
// later, together with those that followed it, so that memory is waited for once and not by each.
type keyring struct {
	slots    []slot // a power of two of them, at most three quarters in use
	outcomes list[outcome]
	placed   int    // how many of them are in the table
	greatest []byte // no key is greater
	text     text   // of the keys
	receipts map[string]store.Outcome
}

// waiting is how many outcomes may wait to be placed.
const waiting = 64

type slot struct {
	hash  uint32
	index uint32 // of the outcome, from 1; 0: free
}

// An outcome is a [store.Outcome] with one transaction, as nearly all have, and a key of at most a page, as all should have.
// The others are receipts.
type outcome struct {
	fingerprint [16]byte
	key         uint32 // where it is in the text
	length      uint16 // of the key
	unnamed     bool   // the outcome names no wallet
	ledger      uint32 // of the transaction: its number in the account
	position    uint32 // of the transaction in the ledger
}

var seed = maphash.MakeSeed()

func hash(key string) uint32 { return uint32(maphash.String(seed, key)) }

// find returns the outcome under a key that is not a receipt, or nil.
func (k *keyring) find(key string) *outcome {
	if key > string(k.greatest) || k.outcomes.n == 0 {
		return nil
	}
	for i := k.placed; i < k.outcomes.n; i++ {
		if o := k.outcomes.at(i); string(k.key(o)) == key {
			return o
		}
	}
	if k.placed == 0 {
		return nil
	}
	h, mask := hash(key), len(k.slots)-1
	for i := int(h) & mask; k.slots[i].index > 0; i = (i + 1) & mask {
		if k.slots[i].hash != h {
			continue
		}
		if o := k.outcomes.at(int(k.slots[i].index) - 1); string(k.key(o)) == key {
			return o
		}
	}
	return nil
}

func (k *keyring) key(o *outcome) []byte { return k.text.at(o.key, o.length) }

// hash returns the hash of an outcome's key.
func (k *keyring) hash(o *outcome) uint32 { return uint32(maphash.Bytes(seed, k.key(o))) }

// outcome returns what the account has under a key.
func (a *account) outcome(key string) (store.Outcome, bool) {
	o := a.keys.find(key)
	if o == nil {
		full, known := a.keys.receipts[key]
		return full, known
	}
	l := a.opened[o.ledger]
	full := store.Outcome{Fingerprint: o.fingerprint, Transactions: make([]wallet.TransactionID, 1)}
	full.Transactions[0].SetBytes(l.records.at(int(o.position)).id.bytes())
	if !o.unnamed {
		full.Wallet = l.wallet.ID
	}
	return full, true
}

// add adds an outcome under a key that is new. It returns false if that is too long.
func (k *keyring) add(key string, o outcome) bool {
	at, ok := k.text.add(key)
	if !ok {
		return false
	}
	o.key, o.length = at, uint16(len(key))
	k.outcomes.push(o)
	if key > string(k.greatest) {
		k.greatest = append(k.greatest[:0], key...)
		if k.outcomes.n-k.placed < waiting {
			return true
		}
	}
	k.place()
	return true
}

// place puts those who wait into the table.
func (k *keyring) place() {
	size := max(len(k.slots), 4)
	for k.outcomes.n*4 > size*3 {
		size *= 2
	}
	if old := k.slots; size > len(old) {
		k.slots = make([]slot, size)
		for _, s := range old {
			if s.index > 0 {
				k.put(s)
			}
		}
	}
	var hashes [waiting]uint32
	many := hashes[:k.outcomes.n-k.placed]
	for i := range many {
		many[i] = k.hash(k.outcomes.at(k.placed + i))
	}
	for _, h := range many { // with so little between them, the processor waits for several at once
		k.placed++
		k.put(slot{h, uint32(k.placed)})
	}
}

func (k *keyring) put(s slot) {
	mask := len(k.slots) - 1
	i := int(s.hash) & mask
	for k.slots[i].index > 0 {
		i = (i + 1) & mask
	}
	k.slots[i] = s
}

// pop takes the outcome that was added last off.
func (k *keyring) pop() {
	last := k.outcomes.at(k.outcomes.n - 1)
	if k.placed == k.outcomes.n {
		k.displace(k.hash(last))
	}
	k.text.cut(last.key)
	k.outcomes.pop()
}

// displace takes the outcome that was placed last, and whose key has a hash, out of the table.
func (k *keyring) displace(hash uint32) {
	mask := len(k.slots) - 1
	gap := int(hash) & mask
	for int(k.slots[gap].index) != k.placed {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; k.slots[i].index > 0; i = (i + 1) & mask { // those behind move up, if they would pass the gap
		if home := int(k.slots[i].hash) & mask; (i-home)&mask >= (i-gap)&mask {
			k.slots[gap] = k.slots[i]
			gap = i
		}
	}
	k.slots[gap] = slot{}
	k.placed--
}

// A text is made of pages, and what is written on one does not continue on the next.
type text struct{ pages [][]byte }

const page = 4096

// add writes s at the end, and returns where it is. It returns false if there is no room for it.
func (t *text) add(s string) (at uint32, ok bool) {
	last := len(t.pages) - 1
	if last < 0 || len(t.pages[last])+len(s) > page {
		if len(s) > page || len(t.pages) > math.MaxUint32/page {
			return 0, false
		}
		t.pages = append(t.pages, nil)
		last++
		if last > 0 {
			t.pages[last] = make([]byte, 0, page)
		}
	}
	at = uint32(last*page + len(t.pages[last]))
	t.pages[last] = append(t.pages[last], s...)
	return at, true
}

func (t *text) at(at uint32, length uint16) []byte { return t.pages[at/page][at%page:][:length] }

// cut takes off what begins at a place, and all behind it.
func (t *text) cut(at uint32) {
	t.pages[at/page] = t.pages[at/page][:at%page]
	t.pages = t.pages[:at/page+1]
}
