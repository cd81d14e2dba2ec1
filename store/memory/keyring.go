package memory

import (
	"hash/maphash"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A keyring has the outcomes of a customer's commands by their keys. It is a hash table whose slots point into a list, so
// that growing moves nothing but slots and looks at no key.
type keyring struct {
	outcomes list[outcome]
	receipts list[store.Outcome] // the outcomes that do not fit into the list
	slots    []slot              // a power of two of them, at most three quarters in use
}

type slot struct {
	hash  uint32
	index uint32 // of the outcome, from 1; 0: free
}

// An outcome is a [store.Outcome] with the one transaction that nearly all have.
type outcome struct {
	key         string
	fingerprint [16]byte
	ledger      *ledger // of the transaction; nil: it is a receipt
	position    uint32  // of the transaction in the ledger; of the receipt in its list
	unnamed     bool    // the outcome names no wallet
}

var seed = maphash.MakeSeed()

func hash(key string) uint32 { return uint32(maphash.String(seed, key)) }

// find returns the outcome under a key, or nil.
func (k *keyring) find(key string) *outcome {
	if k.outcomes.n == 0 {
		return nil
	}
	h := hash(key)
	for i := int(h) & (len(k.slots) - 1); k.slots[i].index > 0; i = (i + 1) & (len(k.slots) - 1) {
		if k.slots[i].hash == h {
			if o := k.outcomes.at(int(k.slots[i].index) - 1); o.key == key {
				return o
			}
		}
	}
	return nil
}

// get returns what find finds as a [store.Outcome].
func (k *keyring) get(key string) (full store.Outcome, known bool) {
	o := k.find(key)
	switch {
	case o == nil:
		return full, false
	case o.ledger == nil:
		return *k.receipts.at(int(o.position)), true
	}
	full = store.Outcome{Fingerprint: o.fingerprint, Transactions: make([]wallet.TransactionID, 1)}
	full.Transactions[0].SetBytes(o.ledger.records.at(int(o.position)).id.bytes())
	if !o.unnamed {
		full.Wallet = o.ledger.wallet.ID
	}
	return full, true
}

// add adds an outcome, whose key is new.
func (k *keyring) add(o outcome) {
	k.outcomes.push(o)
	if k.outcomes.n*4 > len(k.slots)*3 {
		old := k.slots
		k.slots = make([]slot, max(2*len(old), 4))
		for _, s := range old {
			k.place(s)
		}
	}
	k.place(slot{hash(o.key), uint32(k.outcomes.n)})
}

func (k *keyring) place(s slot) {
	if s.index == 0 {
		return
	}
	i := int(s.hash) & (len(k.slots) - 1)
	for k.slots[i].index > 0 {
		i = (i + 1) & (len(k.slots) - 1)
	}
	k.slots[i] = s
}

// pop takes the outcome that was added last off.
func (k *keyring) pop() {
	last := k.outcomes.at(k.outcomes.n - 1)
	mask := len(k.slots) - 1
	gap := int(hash(last.key)) & mask
	for int(k.slots[gap].index) != k.outcomes.n {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; k.slots[i].index > 0; i = (i + 1) & mask { // those behind move up, if they would pass the gap
		if home := int(k.slots[i].hash) & mask; (i-home)&mask >= (i-gap)&mask {
			k.slots[gap] = k.slots[i]
			gap = i
		}
	}
	k.slots[gap] = slot{}
	if last.ledger == nil {
		k.receipts.pop()
	}
	k.outcomes.pop()
}
