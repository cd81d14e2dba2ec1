package memory

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A lot is what the ledger has of a lot, open or closed.
type lot struct {
	ledger *ledger
	id     uid
	content
	draws list[uint32] // the positions of the transactions that drew from it, one for each draw
}

// content is the part of a lot that PutLot replaces.
type content struct {
	credits, remaining, held wallet.Amount
	key                      []byte
	expires, opened          int64 // in microseconds; expires may be never
	kind                     code  // 0: not put yet
	priority                 uint8
}

func (c *content) open() bool { return c.remaining.Sign() > 0 }

// precedes reports whether the lot is spent before one with the key.
func (c *content) precedes(key []byte) bool { return bytes.Compare(c.key, key) < 0 }

// lapses reports whether the lot expires before one with the expiry and key.
func (c *content) lapses(expires int64, key []byte) bool {
	return c.expires < expires || c.expires == expires && c.precedes(key)
}

// fill makes c the content of a lot, which has passed its check.
func (c *content) fill(p *store.Lot) error {
	kind := slices.Index(kinds[1:], p.Kind) + 1
	if !p.Kind.Inbound() || p.Priority < 0 || p.Priority > math.MaxUint8 {
		return fmt.Errorf("store: refused lot %s: kind %q, priority %d", p.ID, p.Kind, p.Priority)
	}
	*c = content{
		credits: p.Credits, remaining: p.Remaining, held: p.Held, key: p.Key,
		expires: micros(p.ExpiresAt), opened: micros(p.OpenedAt), kind: code(kind), priority: uint8(p.Priority),
	}
	return nil
}

// show makes p the lot.
func (it *lot) show(p *store.Lot) {
	p.ID.SetBytes(it.id.bytes())
	p.Wallet, p.Kind = it.ledger.wallet.ID, kinds[it.kind]
	p.Credits, p.Remaining, p.Held = it.credits, it.remaining, it.held
	p.Priority, p.ExpiresAt, p.OpenedAt = int(it.priority), instant(it.expires), instant(it.opened)
	p.Key = it.key
}

// vacant reports whether no open lot of the ledger has the key, but by, which may be nil.
func (l *ledger) vacant(key []byte, by *lot) bool {
	if by != nil && by.open() && bytes.Equal(by.key, key) {
		return true
	}
	at := l.spending.at(l.spending.seek(func(o **lot) bool { return (*o).precedes(key) }))
	return at == nil || !bytes.Equal((*at).key, key)
}

// replace gives the lot new content, and its places among the open ones.
func (it *lot) replace(c *content) {
	if it.open() && c.open() && it.expires == c.expires && bytes.Equal(it.key, c.key) {
		it.content = *c // as nearly always: something was taken
		return
	}
	spending, expiring := &it.ledger.spending, &it.ledger.expiring
	if it.open() {
		spending.remove(spending.seek(func(o **lot) bool { return (*o).precedes(it.key) }))
		if it.expires != never {
			expiring.remove(expiring.seek(func(o **lot) bool { return (*o).lapses(it.expires, it.key) }))
		}
	}
	if it.content = *c; !c.open() {
		it.key = nil
		return
	}
	spending.insert(spending.seek(func(o **lot) bool { return (*o).precedes(c.key) }), it)
	if c.expires != never {
		expiring.insert(expiring.seek(func(o **lot) bool { return (*o).lapses(c.expires, c.key) }), it)
	}
}
