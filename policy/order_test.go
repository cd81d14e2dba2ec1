package policy_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"pgregory.net/rapid"
)

// first and last are the bounds of instants.
var (
	first = time.Unix(0, 0).UTC()
	last  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// instants are few, so that many are equal, and lie at the bounds and where a byte overflows.
var instants = rapid.Custom(func(t *rapid.T) time.Time {
	base := rapid.SampledFrom([]time.Time{first, last.Add(-3 * time.Microsecond), time.UnixMicro(1<<32 - 1), time.UnixMicro(1<<40 + 255)}).Draw(t, "base")
	return base.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "µs")) * time.Microsecond).UTC()
})

var lots = rapid.Custom(func(t *rapid.T) wallet.Lot {
	var l wallet.Lot
	var id [16]byte
	copy(id[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff}), 16, 16).Draw(t, "id"))
	l.ID.SetBytes(id)
	l.Kind = rapid.SampledFrom([]wallet.Kind{wallet.Purchased, wallet.Granted}).Draw(t, "kind")
	l.Priority = rapid.SampledFrom([]int{0, 1, 2, 127, 128, 254, 255}).Draw(t, "priority")
	l.OpenedAt = instants.Draw(t, "opened")
	if rapid.Bool().Draw(t, "expires") {
		l.ExpiresAt = instants.Draw(t, "expiry")
	}
	return l
})

var orders = rapid.Custom(func(t *rapid.T) policy.Order {
	criteria := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Criterion {
		return policy.Criterion(rapid.Uint8Range(0, 8).Draw(t, "criterion")) // some are none
	}), 0, 8).Draw(t, "criteria")
	return rapid.SampledFrom([]policy.Order{criteria, criteria, criteria, nil, {}}).Draw(t, "order")
})

// compare orders lots as the comments of the criteria say.
func compare(o policy.Order, a, b wallet.Lot) int {
	if o == nil {
		o = policy.Order{policy.ByPriority, policy.SoonestExpiry, policy.GrantedFirst, policy.OldestFirst}
	}
	rank := func(l wallet.Lot) int { return (l.Priority + 255) % 256 }
	expiry := func(l wallet.Lot) time.Time {
		if l.ExpiresAt.IsZero() {
			return last.Add(time.Hour)
		}
		return l.ExpiresAt
	}
	bought := func(l wallet.Lot) int { return strings.Count(string(l.Kind), string(wallet.Purchased)) }
	for _, c := range o {
		var order int
		switch c {
		case policy.ByPriority:
			order = cmp.Compare(rank(a), rank(b))
		case policy.SoonestExpiry:
			order = expiry(a).Compare(expiry(b))
		case policy.GrantedFirst:
			order = bought(a) - bought(b)
		case policy.PurchasedFirst:
			order = bought(b) - bought(a)
		case policy.OldestFirst:
			order = a.OpenedAt.Compare(b.OpenedAt)
		case policy.NewestFirst:
			order = b.OpenedAt.Compare(a.OpenedAt)
		}
		if order != 0 {
			return order
		}
	}
	return a.ID.Compare(b.ID)
}

func sign(n int) int { return cmp.Compare(n, 0) }

// Lots compare as their keys do, and as the criteria say; only a lot itself compares equal.
func TestKeysCompareAsLots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := orders.Draw(t, "order")
		a, b, c := lots.Draw(t, "a"), lots.Draw(t, "b"), lots.Draw(t, "c")
		want := sign(compare(o, a, b))
		if got := sign(o.Compare(a, b)); got != want {
			t.Fatalf("%s: got %d, want %d", o, got, want)
		}
		if got := bytes.Compare(o.AppendKey(nil, a), o.AppendKey(nil, b)); got != want {
			t.Fatalf("%s: keys compare %d, want %d", o, got, want)
		}
		if back := sign(o.Compare(b, a)); back != -want {
			t.Fatalf("%s: got %d one way and %d the other", o, want, back)
		}
		if o.Compare(a, b) < 0 && o.Compare(b, c) < 0 && o.Compare(a, c) >= 0 {
			t.Fatalf("%s is no order", o)
		}
	})
}

// AppendKey appends, and does not depend on what was there, or on where the lot's instants are said to be.
func TestAppendKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, l := orders.Draw(t, "order"), lots.Draw(t, "lot")
		key := o.AppendKey(nil, l)
		prefix := rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")
		if got := o.AppendKey(slices.Clone(prefix), l); !bytes.Equal(got, append(prefix, key...)) {
			t.Fatalf("%s: got %x behind %x, want %x", o, got, prefix, key)
		}
		elsewhere := l
		elsewhere.OpenedAt = l.OpenedAt.In(time.FixedZone("", 3600))
		if !bytes.Equal(o.AppendKey(nil, elsewhere), key) {
			t.Fatalf("%s: the key depends on the time zone", o)
		}
		spent := l
		spent.Remaining, spent.Held, spent.Credits = wallet.MustAmount("1"), wallet.MustAmount("1"), wallet.MustAmount("2")
		if !bytes.Equal(o.AppendKey(nil, spent), key) {
			t.Fatalf("%s: the key depends on what is left", o)
		}
	})
}

// The default order, one step after the other.
func TestDefaultOrder(t *testing.T) {
	at := func(n int) time.Time { return first.Add(time.Duration(n) * time.Hour) }
	id := func(n byte) (id wallet.TransactionID) { id.SetBytes([16]byte{15: n}); return id }
	sorted := []wallet.Lot{
		{ID: id(9), Priority: 1, Kind: wallet.Purchased, OpenedAt: at(9)},
		{ID: id(8), Priority: 2, ExpiresAt: at(20), Kind: wallet.Purchased, OpenedAt: at(8)},
		{ID: id(7), Priority: 2, ExpiresAt: at(21), Kind: wallet.Granted, OpenedAt: at(7)},
		{ID: id(6), Priority: 2, Kind: wallet.Granted, OpenedAt: at(6)},
		{ID: id(5), Priority: 255, Kind: wallet.Granted, OpenedAt: at(5)},
		{ID: id(4), ExpiresAt: last, Kind: wallet.Purchased, OpenedAt: at(4)},
		{ID: id(3), Kind: wallet.Granted, OpenedAt: at(3)},
		{ID: id(10), Kind: wallet.Granted, OpenedAt: at(4)},
		{ID: id(1), Kind: wallet.Purchased, OpenedAt: at(1)},
		{ID: id(2), Kind: wallet.Purchased, OpenedAt: at(1)},
	}
	for _, o := range []policy.Order{nil, policy.DefaultOrder} {
		for i := range sorted {
			for j := range sorted {
				if got, want := sign(o.Compare(sorted[i], sorted[j])), cmp.Compare(i, j); got != want {
					t.Errorf("%d and %d: got %d, want %d", i, j, got, want)
				}
			}
		}
	}
}

// Orders of the same name are the same; others have other names.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		order policy.Order
		want  string
	}{
		{nil, "priority,expiry,granted,oldest,id"},
		{policy.DefaultOrder, "priority,expiry,granted,oldest,id"},
		{policy.Order{}, "id"},
		{policy.Order{policy.NewestFirst}, "newest,id"},
		{policy.Order{policy.PurchasedFirst, policy.OldestFirst}, "purchased,oldest,id"},
		{policy.Order{policy.OldestFirst, policy.PurchasedFirst}, "oldest,purchased,id"},
	} {
		if got := test.order.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	for c, want := range map[policy.Criterion]string{policy.ByPriority: "priority", policy.SoonestExpiry: "expiry", policy.GrantedFirst: "granted",
		policy.PurchasedFirst: "purchased", policy.OldestFirst: "oldest", policy.NewestFirst: "newest", 0: "none", 7: "none", 255: "none"} {
		if got := fmt.Sprint(c); got != want {
			t.Errorf("%d: got %q, want %q", uint8(c), got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		o, p := orders.Draw(t, "o"), orders.Draw(t, "p")
		a, b := lots.Draw(t, "a"), lots.Draw(t, "b")
		if o.String() == p.String() && !bytes.Equal(o.AppendKey(nil, a), p.AppendKey(nil, a)) {
			t.Fatalf("%v and %v have one name, %s, and different keys", []policy.Criterion(o), []policy.Criterion(p), o)
		}
		if o.String() == p.String() && o.Compare(a, b) != p.Compare(a, b) {
			t.Fatalf("%s is two orders", o)
		}
	})
}

func TestAlways(t *testing.T) {
	if !policy.Always(wallet.Wallet{}, wallet.Transaction{}) {
		t.Error("got false")
	}
	var zero policy.Policy
	if zero.OnTerminate != policy.VoidRemaining {
		t.Errorf("the zero policy has %d", zero.OnTerminate)
	}
}
