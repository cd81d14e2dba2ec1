package policy

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// Order is the order in which a wallet's lots are spent: by the first criterion, among equals by the second, and so on.
// Every order ends with the lot's ID, so it is total. A nil Order is [DefaultOrder].
type Order []Criterion

// DefaultOrder is the order of a nil [Order].
var DefaultOrder = Order{ByPriority, SoonestExpiry, GrantedFirst, OldestFirst}

// Criterion is one thing to order lots by.
type Criterion uint8

const (
	ByPriority     Criterion = 1 + iota // 1 first, 255, then those not set
	SoonestExpiry                       // lots that never expire last
	GrantedFirst                        // free credits before purchased ones
	PurchasedFirst                      // purchased credits before free ones
	OldestFirst                         // by the instant the lot was opened
	NewestFirst                         // the reverse
)

var criterionNames = [...]string{"none", "priority", "expiry", "granted", "purchased", "oldest", "newest"}

// String returns the criterion's name. A value that is none of the constants is "none", and orders nothing.
func (c Criterion) String() string {
	if int(c) >= len(criterionNames) {
		c = 0
	}
	return criterionNames[c]
}

// String names the order. Orders of the same name are the same.
func (o Order) String() string {
	var names []string
	for _, c := range o.criteria() {
		names = append(names, c.String())
	}
	return strings.Join(append(names, "id"), ",")
}

// AppendKey appends the key of a lot to b. Keys compare as bytes, as the lots do in this order.
func (o Order) AppendKey(b []byte, l wallet.Lot) []byte {
	for _, c := range o.criteria() {
		switch c {
		case ByPriority:
			b = append(b, byte(l.Priority-1)) // not set becomes 255
		case SoonestExpiry:
			expiry := ^uint64(0)
			if !l.ExpiresAt.IsZero() {
				expiry = uint64(l.ExpiresAt.UnixMicro())
			}
			b = binary.BigEndian.AppendUint64(b, expiry)
		case GrantedFirst:
			b = append(b, flag(l.Kind == wallet.Purchased))
		case PurchasedFirst:
			b = append(b, flag(l.Kind != wallet.Purchased))
		case OldestFirst:
			b = binary.BigEndian.AppendUint64(b, uint64(l.OpenedAt.UnixMicro()))
		case NewestFirst:
			b = binary.BigEndian.AppendUint64(b, ^uint64(l.OpenedAt.UnixMicro()))
		}
	}
	id := l.ID.Bytes()
	return append(b, id[:]...)
}

// Compare is negative if a is spent before b.
func (o Order) Compare(a, b wallet.Lot) int {
	const room = 64
	var x, y [room]byte
	return bytes.Compare(o.AppendKey(x[:0], a), o.AppendKey(y[:0], b))
}

func (o Order) criteria() Order {
	if o == nil {
		return DefaultOrder
	}
	return o
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}
