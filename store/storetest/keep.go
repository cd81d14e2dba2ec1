package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

var (
	earliest = time.UnixMicro(0).UTC()
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	greatest = wallet.MustAmount("999999999999999999.999999999999")
)

// What is put is read again, to the last digit and microsecond.
func testRoundTrip(t *testing.T, s store.Store) {
	var rule wallet.RuleID
	rule.SetBytes([16]byte{15: 1})
	w := newWallet("  c\u00e9 '\"%_\\ 客", earliest)
	w.Currency, w.Rate, w.Name, w.Code, w.Priority = "KWD", wallet.MustAmount("999999.999999"), "n'\"", "c%_", 255
	w.AppliesTo = wallet.AppliesTo{FeeTypes: []wallet.FeeType{"charge", "a_1"}, Metrics: []string{"b", "a,\x7b", ""}}
	w.ExpiresAt, w.Limits = latest, wallet.Limits{MinPaid: tiny, MaxPaid: greatest}
	w.Rules = []wallet.Rule{
		{ID: rule, Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Paid: tiny, Granted: greatest, StartsAt: earliest, ExpiresAt: latest, Name: "r",
			Metadata: map[string]string{"a": "b"}, Priority: 1, ExpiresIn: time.Microsecond, UntilNext: true},
		{Trigger: wallet.TriggerThreshold, Method: wallet.MethodTarget, Threshold: tiny, Target: greatest, GrantTarget: true},
	}
	w.Metadata = map[string]string{"": "", "k": "v", "客": "\u0000'"}
	w.State = store.State{
		Balance:   wallet.Balance{Spendable: greatest, Held: tiny, Pending: wallet.MustAmount("1.5"), Ongoing: wallet.MustAmount("0.1"), Consumed: wallet.MustAmount("10000000000000000"), Kept: wallet.MustAmount("7")},
		UpdatedAt: latest, NextDue: earliest, Last: wallet.MintTransactionID(wallet.TransactionID{}, latest), Events: 1<<63 - 1,
	}
	w.Order, w.Notes = "priority,expiry,granted,oldest,id", []byte("\x00\xff notes")
	in := newInbound(w, wallet.TransactionID{}, earliest, "0.000000000001")
	in.Money, in.Priority, in.ExpiresAt, in.ExpiresIn = wallet.Money{Amount: greatest, Currency: "KWD"}, 255, latest, time.Duration(1<<62).Truncate(time.Microsecond)
	in.Name, in.Reference, in.Reason, in.Corrects, in.Pair, in.Rule = "n", "r'", "why", in.ID, w.State.Last, rule
	in.Hold.SetBytes([16]byte{1})
	in.Kind, in.Origin, in.Since = wallet.Refunded, wallet.Purchased, latest
	in.Source, in.BalanceAfter, in.Metadata = wallet.SourceThreshold, greatest, map[string]string{"a": "", "": "b"}
	lot := lotOf(in, "\x00\xff\x00")
	lot.Held = tiny
	purchase := newPurchase(w, in.ID, moment(1), "999999999999999999.999999999999")
	purchase.Money.Amount = wallet.Amount{}
	failed := purchase
	failed.State, failed.FailedAt, failed.Reason, failed.Metadata = wallet.Failed, moment(2), "never", map[string]string{"c": "d"}
	out, draws := newOutbound(w, purchase.ID, moment(3), "0.000000000001", lot)
	draws = append(draws, wallet.Draw{Lot: lot.ID, By: out.ID, Wallet: w.ID, Kind: out.Kind, Amount: tiny, Fee: "客"})
	out.Money.Amount = out.Money.Amount.Add(tiny)
	empty := newWallet("c1", moment(0))
	empty.Status, empty.TerminatedAt = wallet.Terminated, moment(0)
	outcome := store.Outcome{Fingerprint: [16]byte{0: 1, 15: 255}, Wallet: w.ID, Transactions: []wallet.TransactionID{out.ID, in.ID}, Hold: in.Hold}
	given, list := []wallet.Transaction{in, purchase, failed, out}, slices.Clone(draws)
	update(t, s, w.Customer, func(tx store.Tx) error {
		defer func() { clear(given); clear(list) }() // they are ours
		return errors.Join(tx.PutWallet(w), tx.AddTransaction(&given[0], nil), tx.PutLot(lot), tx.AddTransaction(&given[1], nil), tx.Finish(&given[2]),
			tx.AddTransaction(&given[3], list), tx.Remember("k'%\u00e9", outcome))
	})
	update(t, s, "c1", func(tx store.Tx) error { return tx.PutWallet(empty) })
	w.State.NextDue, w.State.UpdatedAt, w.State.Balance.Kept = moment(1).Add(-time.Microsecond), moment(2).Add(time.Microsecond), tiny
	update(t, s, w.Customer, func(tx store.Tx) error { return tx.PutState(w.ID, w.State) })
	view(t, s, func(r store.Reader) error {
		for _, want := range []store.Wallet{w, empty} {
			got, err := r.Wallet(want.ID)
			same(t, "wallet", storedWallet(want), err, func() any { return storedWallet(*got) })
		}
		for _, want := range []wallet.Transaction{in, failed, out} {
			got, err := r.Transaction(want.ID)
			same(t, "transaction", want, err, func() any { return got })
		}
		gotLot, err := r.Lot(lot.ID)
		same(t, "lot", storedLot(lot), err, func() any { return storedLot(gotLot) })
		gotDraws, err := wallet.Collect(r.Draws(out.ID, 0))
		same(t, "draws", draws, err, func() any { return gotDraws })
		gotOutcome, known, err := r.Outcome(w.Customer, "k'%\u00e9")
		if !known || !reflect.DeepEqual(gotOutcome, outcome) {
			t.Errorf("outcome %+v, %v, %v, want %+v", gotOutcome, known, err, outcome)
		}
		return nil
	})
}

// same compares records as text: a nil list is an empty one, and instants must be in UTC.
func same(t *testing.T, what string, want any, err error, got func() any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	var a, b bytes.Buffer
	line(&a, what, want)
	line(&b, what, got())
	if d := diff(a.String(), b.String()); d != "" {
		t.Errorf("%s:\n%s", what, d)
	}
}

// What the Check functions refuse is refused.
func testRefused(t *testing.T, s store.Store) {
	w, purchase, _, lot := seed(t, s, "c0")
	over := newWallet("c0", moment(7))
	over.Status, over.TerminatedAt = wallet.Terminated, moment(7)
	update(t, s, "c0", func(tx store.Tx) error { return tx.PutWallet(over) })

	cases := make(map[string]func(store.Tx) error)
	for name, change := range map[string]func(*store.Wallet){
		"wallet without ID":         func(w *store.Wallet) { w.ID = wallet.ID{} },
		"another currency":          func(w *store.Wallet) { w.Currency = "EUR" },
		"another rate":              func(w *store.Wallet) { w.Rate = wallet.MustAmount("4") },
		"another creation":          func(w *store.Wallet) { w.CreatedAt = moment(1) },
		"another customer":          func(w *store.Wallet) { w.Customer = "c1" },
		"negative balance":          func(w *store.Wallet) { w.State.Balance.Spendable = negative },
		"negative pending":          func(w *store.Wallet) { w.State.Balance.Pending = negative },
		"balance beyond its digits": func(w *store.Wallet) { w.State.Balance.Consumed = greatest.Add(tiny) },
	} {
		changed := w
		change(&changed)
		cases[name] = func(tx store.Tx) error { return tx.PutWallet(changed) }
	}
	cases["wallet without customer"] = func(tx store.Tx) error { return tx.PutWallet(newWallet("", moment(0))) }
	cases["terminated wallet"] = func(tx store.Tx) error { return tx.PutWallet(over) }
	cases["state of a terminated wallet"] = func(tx store.Tx) error { return tx.PutState(over.ID, over.State) }
	cases["state of no wallet"] = func(tx store.Tx) error { return tx.PutState(wallet.MintID(wallet.ID{}, moment(3)), w.State) }
	cases["negative state"] = func(tx store.Tx) error {
		state := w.State
		state.Balance.Held = negative
		return tx.PutState(w.ID, state)
	}
	for name, change := range map[string]func(*store.Lot){
		"lot without key":        func(l *store.Lot) { l.Key = nil },
		"negative hold":          func(l *store.Lot) { l.Held = negative },
		"hold beyond remaining":  func(l *store.Lot) { l.Held = l.Remaining.Add(tiny) },
		"remaining beyond lot":   func(l *store.Lot) { l.Remaining = l.Credits.Add(tiny) },
		"rising lot":             func(l *store.Lot) { l.Remaining = l.Remaining.Add(tiny) },
		"negative remaining":     func(l *store.Lot) { l.Remaining = negative },
		"another kind":           func(l *store.Lot) { l.Kind = wallet.Purchased },
		"other credits":          func(l *store.Lot) { l.Credits = l.Credits.Add(tiny) },
		"credits without bounds": func(l *store.Lot) { l.Credits = greatest.Add(tiny) },
	} {
		changed := lot
		change(&changed)
		cases[name] = func(tx store.Tx) error { return tx.PutLot(changed) }
	}
	for name, change := range map[string]func(*wallet.Transaction, *[]wallet.Draw){
		"no credits":             func(t *wallet.Transaction, d *[]wallet.Draw) { t.Credits, *d = wallet.Amount{}, nil },
		"negative money":         func(t *wallet.Transaction, _ *[]wallet.Draw) { t.Money.Amount = negative },
		"negative balance after": func(t *wallet.Transaction, _ *[]wallet.Draw) { t.BalanceAfter = negative },
		"failed from the start": func(t *wallet.Transaction, d *[]wallet.Draw) {
			t.Kind, t.State, *d = wallet.Purchased, wallet.Failed, nil
		},
		"pending outbound":        func(t *wallet.Transaction, _ *[]wallet.Draw) { t.State = wallet.Pending },
		"inbound with draws":      func(t *wallet.Transaction, _ *[]wallet.Draw) { t.Kind = wallet.Granted },
		"outbound without draws":  func(_ *wallet.Transaction, d *[]wallet.Draw) { *d = nil },
		"draws of fewer credits":  func(t *wallet.Transaction, _ *[]wallet.Draw) { t.Credits = t.Credits.Add(tiny) },
		"draws of less money":     func(t *wallet.Transaction, _ *[]wallet.Draw) { t.Money.Amount = t.Money.Amount.Add(tiny) },
		"draw of another":         func(_ *wallet.Transaction, d *[]wallet.Draw) { (*d)[0].By = purchase.ID },
		"draw of another wallet":  func(_ *wallet.Transaction, d *[]wallet.Draw) { (*d)[0].Wallet = over.ID },
		"draw of negative amount": func(t *wallet.Transaction, d *[]wallet.Draw) { (*d)[0].Amount, t.Money.Amount = negative, negative },
	} {
		out, draws := newOutbound(w, purchase.ID, moment(20), "1", lot)
		change(&out, &draws)
		cases[name] = func(tx store.Tx) error { return tx.AddTransaction(&out, draws) }
	}
	for name, change := range map[string]func(*wallet.Transaction){
		"finish as pending":       func(t *wallet.Transaction) { t.State = wallet.Pending },
		"finish of other credits": func(t *wallet.Transaction) { t.Credits = t.Credits.Add(tiny) },
		"finish of other money":   func(t *wallet.Transaction) { t.Money.Amount = t.Money.Amount.Add(tiny) },
		"finish of another kind":  func(t *wallet.Transaction) { t.Kind = wallet.Granted },
		"finish of a settled one": func(t *wallet.Transaction) { t.ID = lot.ID },
		"finish of what is not":   func(t *wallet.Transaction) { t.ID = wallet.MintTransactionID(t.ID, moment(30)) },
	} {
		settled := purchase
		settled.State, settled.SettledAt = wallet.Settled, moment(20)
		change(&settled)
		cases[name] = func(tx store.Tx) error { return tx.Finish(&settled) }
	}
	refuses(t, s, "c0", cases)
}

// ActiveWallets are the customer's active wallets by ID; none for an unknown customer.
func testActive(t *testing.T, s store.Store) {
	var want []wallet.ID
	for i := range 7 {
		w := newWallet("c0", moment(i%3))
		if i%4 == 3 {
			w.Status, w.TerminatedAt = wallet.Terminated, moment(i)
		} else {
			want = append(want, w.ID)
		}
		update(t, s, "c0", func(tx store.Tx) error { return tx.PutWallet(w) })
	}
	seed(t, s, "c1")
	slices.SortFunc(want, func(a, b wallet.ID) int { return a.Compare(b) })
	ids := func(r store.Reader, c wallet.CustomerID) (got []wallet.ID, err error) {
		active, err := r.ActiveWallets(c)
		for _, w := range active {
			got = append(got, w.ID)
		}
		return got, err
	}
	view(t, s, func(r store.Reader) error {
		if got, err := ids(r, "c0"); err != nil || !slices.Equal(got, want) {
			t.Errorf("active wallets %v, %v, want %v", got, err, want)
		}
		if got, err := ids(r, "nobody"); err != nil || len(got) > 0 {
			t.Errorf("active wallets of nobody: %v, %v", got, err)
		}
		return nil
	})
	last := want[len(want)-1]
	update(t, s, "c0", func(tx store.Tx) error { // one that ends is not among them any more, even within
		w, err := tx.Wallet(last)
		if err != nil {
			return err
		}
		ended := *w
		ended.Status, ended.TerminatedAt = wallet.Terminated, moment(9)
		if err := tx.PutWallet(ended); err != nil {
			return err
		}
		if got, err := ids(tx, "c0"); err != nil || !slices.Equal(got, want[:len(want)-1]) {
			return fmt.Errorf("active wallets within: %v, %w, want %v", got, err, want[:len(want)-1])
		}
		return nil
	})
}

// A pending transaction is finished once.
func testFinish(t *testing.T, s store.Store) {
	_, purchase, _, _ := seed(t, s, "c0")
	settled, failed := purchase, purchase
	settled.State, settled.SettledAt, settled.BalanceAfter, settled.Metadata = wallet.Settled, moment(9), tiny, map[string]string{"a": "b"}
	failed.State, failed.FailedAt = wallet.Failed, moment(9)
	update(t, s, "c0", func(tx store.Tx) error { return tx.Finish(&settled) })
	refuses(t, s, "c0", map[string]func(store.Tx) error{
		"settling again": func(tx store.Tx) error { return tx.Finish(&settled) },
		"failing":        func(tx store.Tx) error { return tx.Finish(&failed) },
	})
	view(t, s, func(r store.Reader) error {
		got, err := r.Transaction(purchase.ID)
		same(t, "transaction", settled, err, func() any { return got })
		return nil
	})
	again := newWallet("c1", moment(0))
	purchase = newPurchase(again, wallet.TransactionID{}, moment(1), "1")
	failed = purchase
	failed.State, failed.FailedAt = wallet.Failed, moment(1)
	var second error
	err := s.Update(t.Context(), store.Scope{Customer: "c1", Create: true}, func(tx store.Tx) error {
		if err := errors.Join(tx.PutWallet(again), tx.AddTransaction(&purchase, nil), tx.Finish(&failed)); err != nil {
			return err
		}
		second = tx.Finish(&failed)
		return second
	})
	if second == nil || err == nil {
		t.Errorf("a transaction was finished twice in one update: %v, %v", second, err)
	}
}

// What a key brought about is the customer's own.
func testOutcome(t *testing.T, s store.Store) {
	first := store.Outcome{Fingerprint: [16]byte{1}}
	second := store.Outcome{Fingerprint: [16]byte{2}, Transactions: []wallet.TransactionID{wallet.MintTransactionID(wallet.TransactionID{}, moment(1))}}
	update(t, s, "c0", func(tx store.Tx) error { return tx.Remember("k1", first) })
	update(t, s, "c1", func(tx store.Tx) error {
		if err := tx.Remember("k1", second); err != nil {
			return err
		}
		if o, known, err := tx.Outcome("c1", "k1"); err != nil || !known || !reflect.DeepEqual(o, second) {
			return fmt.Errorf("within: %+v, %v, %w", o, known, err)
		}
		return nil
	})
	view(t, s, func(r store.Reader) error {
		for _, want := range []struct {
			customer wallet.CustomerID
			key      string
			outcome  *store.Outcome
		}{{"c0", "k1", &first}, {"c1", "k1", &second}, {"c0", "k2", nil}, {"c2", "k1", nil}} {
			o, known, err := r.Outcome(want.customer, want.key)
			if err != nil || known != (want.outcome != nil) || known && (o.Fingerprint != want.outcome.Fingerprint || !slices.Equal(o.Transactions, want.outcome.Transactions)) {
				t.Errorf("%s of %s: %+v, %v, %v, want %+v", want.key, want.customer, o, known, err, want.outcome)
			}
		}
		return nil
	})
}
