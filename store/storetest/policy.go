package storetest

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// testOrder proves that an order is total, that keys compare as lots do, and that neither looks at what changes in a lot.
func testOrder(t *testing.T, o policy.Order) {
	check(t, func(rt *rapid.T) {
		lots := make([]wallet.Lot, 3)
		for i := range lots {
			lots[i] = anyLot(rt, byte(i))
		}
		prefix := []byte("before it")
		for _, x := range lots {
			key := o.AppendKey(nil, x)
			if longer := o.AppendKey(slices.Clone(prefix), x); !bytes.Equal(longer, append(slices.Clone(prefix), key...)) {
				rt.Errorf("AppendKey to %q: %x, want it and then %x", prefix, longer, key)
			}
			spent := x
			spent.Remaining, spent.Held = tiny, tiny
			if again := o.AppendKey(nil, spent); !bytes.Equal(again, key) {
				rt.Errorf("AppendKey of what remains: %x, was %x", again, key)
			}
			for _, y := range lots {
				want := compare(o, x, y)
				if want == 0 {
					want = x.ID.Compare(y.ID)
				}
				if got := o.Compare(x, y); got != want {
					rt.Errorf("Compare(%+v, %+v) = %d, want %d", x, y, got, want)
				}
				if got := bytes.Compare(key, o.AppendKey(nil, y)); got != want {
					rt.Errorf("keys of %+v and %+v compare as %d, want %d", x, y, got, want)
				}
			}
		}
	})
}

// anyLot draws a lot from few values, so that two of them are often alike.
func anyLot(rt *rapid.T, n byte) (l wallet.Lot) {
	l.ID.SetBytes([16]byte{rapid.Byte().Draw(rt, "id"), 15: n})
	l.Kind = pick(rt, "kind", wallet.Purchased, wallet.Granted)
	l.Priority = pick(rt, "priority", 0, 1, 2, 254, 255)
	l.ExpiresAt = pick(rt, "expires", time.Time{}, start, start.Add(time.Microsecond), latest)
	l.OpenedAt = pick(rt, "opened", start, start.Add(time.Microsecond), earliest, latest)
	l.Credits = wallet.MustAmount(pick(rt, "credits", credits...))
	l.Remaining = l.Credits
	return l
}

// testFunctions proves that a policy's functions answer the same for the same, and leave what they are given as it was.
func testFunctions(t rapid.TB, p policy.Policy) {
	check(t, func(rt *rapid.T) {
		a := author{clock: start}
		var first []bool
		w, f, tx := anyWallet(rt, &a), a.fee(rt, "f", none), anyPurchase(rt, &a)
		for range 3 {
			w1, tx1 := w, tx
			w1.AppliesTo = wallet.AppliesTo{FeeTypes: slices.Clone(w.AppliesTo.FeeTypes), Metrics: slices.Clone(w.AppliesTo.Metrics)}
			w1.Metadata, tx1.Metadata = maps.Clone(w.Metadata), maps.Clone(tx.Metadata)
			answers := []bool{p.Applies == nil || p.Applies(w1, f), p.AutoComplete == nil || p.AutoComplete(w1, tx1)}
			if first == nil {
				first = answers
			}
			if !slices.Equal(first, answers) {
				rt.Fatalf("applies and completes: %v, and then %v, for %+v, %+v, %+v", first, answers, w, f, tx)
			}
			if !reflect.DeepEqual(w1, w) || !reflect.DeepEqual(tx1, tx) {
				rt.Fatalf("the policy changed what it was given:\n%+v to %+v\n%+v to %+v", w, w1, tx, tx1)
			}
		}
	})
}

func anyWallet(rt *rapid.T, a *author) wallet.Wallet {
	s := a.spec(rt)
	return wallet.Wallet{
		ID: wallet.MintID(wallet.ID{}, start), Customer: s.Customer, Currency: s.Currency, Rate: s.Rate, Code: s.Code, Priority: s.Priority,
		AppliesTo: s.AppliesTo, ExpiresAt: s.ExpiresAt, Limits: s.Limits, Metadata: s.Metadata, Status: wallet.Active, CreatedAt: start, UpdatedAt: start,
		Balance: wallet.Balance{Spendable: wallet.MustAmount(pick(rt, "spendable", credits...))},
	}
}

func anyPurchase(rt *rapid.T, a *author) wallet.Transaction {
	u := a.topUp(rt)
	return wallet.Transaction{
		ID: wallet.MintTransactionID(wallet.TransactionID{}, start), Kind: wallet.Purchased, State: wallet.Pending, Source: wallet.SourceManual,
		Credits: u.Paid.Add(tiny), Priority: u.Priority, ExpiresAt: u.ExpiresAt, ExpiresIn: u.ExpiresIn, Name: u.Name, Reference: u.Reference,
		Metadata: u.Metadata, CreatedAt: start,
	}
}
