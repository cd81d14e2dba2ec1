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
	id uid
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

// fill makes the content of a lot, which has passed its check.
func fill(p *store.Lot) (content, error) {
	kind := slices.Index(kinds[1:], p.Kind) + 1
	if !p.Kind.Inbound() || p.Priority < 0 || p.Priority > math.MaxUint8 {
		return content{}, fmt.Errorf("store: refused lot %s: kind %q, priority %d", p.ID, p.Kind, p.Priority)
	}
	return content{
		credits: p.Credits, remaining: p.Remaining, held: p.Held, key: p.Key,
		expires: micros(p.ExpiresAt), opened: micros(p.OpenedAt), kind: code(kind), priority: uint8(p.Priority),
	}, nil
}

// show makes a [store.Lot] of a lot.
func (l *ledger) show(from *lot) (p store.Lot) {
	p.ID.SetBytes(from.id.bytes())
	p.Wallet, p.Kind = l.wallet.ID, kinds[from.kind]
	p.Credits, p.Remaining, p.Held = from.credits, from.remaining, from.held
	p.Priority, p.ExpiresAt, p.OpenedAt = int(from.priority), instant(from.expires), instant(from.opened)
	p.Key = from.key
	return p
}

// vacant reports whether no open lot of the ledger but one has the key.
func (l *ledger) vacant(key []byte, by *lot) bool {
	if by.open() && bytes.Equal(by.key, key) {
		return true
	}
	at := l.spending.at(l.spending.seek(func(o **lot) bool { return (*o).precedes(key) }))
	return at == nil || !bytes.Equal((*at).key, key)
}

// replace gives a lot its new content, and its places among the open ones.
func (l *ledger) replace(it *lot, c content) {
	if it.open() && c.open() && it.expires == c.expires && bytes.Equal(it.key, c.key) {
		it.content = c // as nearly always: something was taken
		return
	}
	if it.open() {
		l.spending.remove(l.spending.seek(func(o **lot) bool { return (*o).precedes(it.key) }))
		if it.expires != never {
			l.expiring.remove(l.expiring.seek(func(o **lot) bool { return (*o).lapses(it.expires, it.key) }))
		}
	}
	if it.content = c; !c.open() {
		it.key = nil
		return
	}
	l.spending.insert(l.spending.seek(func(o **lot) bool { return (*o).precedes(c.key) }), it)
	if c.expires != never {
		l.expiring.insert(l.expiring.seek(func(o **lot) bool { return (*o).lapses(c.expires, c.key) }), it)
	}
}
