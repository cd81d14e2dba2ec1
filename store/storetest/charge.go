package storetest

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testCharges proves who pays what.
func testCharges(t *testing.T, open func(testing.TB) store.Store) {
	t.Run("Cover", func(t *testing.T) { testCover(t, open) })
	t.Run("Split", func(t *testing.T) { testSplit(t, open(t)) })
	t.Run("Small", func(t *testing.T) { testSmall(t, open(t)) })
}

// testCover charges random fees to up to four wallets, and compares what each wallet pays of each fee with what the rule says
// of these capacities. A preview says the same before. Then a second charge finds what the first left.
func testCover(t *testing.T, open func(testing.TB) store.Store) {
	lists := []wallet.AppliesTo{
		{}, {FeeTypes: []wallet.FeeType{"a"}}, {FeeTypes: []wallet.FeeType{"b"}}, {FeeTypes: []wallet.FeeType{"a", "b"}},
		{FeeTypes: []wallet.FeeType{"b"}, Metrics: []string{"c"}}, {Metrics: []string{"c"}},
	}
	amounts := []string{"1", "2", "3", "5", "10", "0.01", "0.005", "1.234", "0.000000000001", "7.77", "33.333333333333"}
	check(t, func(rt *rapid.T) {
		w, m := newWorld(open(during(t, rt)), policy.Policy{}), newModel(policy.Policy{})
		take := func(s step) (any, error) {
			s.At, s.Other, s.Lot = start, none, none
			got, err := w.do(rt.Context(), s)
			created, _ := got.(wallet.Wallet)
			want, wantErr := m.do(s, created.ID)
			all, readErr := w.read(rt.Context())
			if readErr != nil {
				rt.Fatal(readErr)
			}
			if d := diff(namesOf(m.read(start)).say(want, wantErr), namesOf(all).say(got, err)); d != "" {
				rt.Fatalf("%s: the engine's answer is not the rule's:\n%s", s, d)
			}
			return got, err
		}
		currency := pick(rt, "currency", "USD", "JPY", wallet.Currency("KWD"))
		for range rapid.IntRange(0, 4).Draw(rt, "wallets") {
			spec := &wallet.Spec{
				Customer: "c0", Currency: currency, Rate: wallet.MustAmount(pick(rt, "rate", rates...)), Priority: pick(rt, "priority", 0, 1, 2),
				AppliesTo: pick(rt, "applies", lists...),
			}
			for i := range rapid.IntRange(0, 3).Draw(rt, "lots") {
				topUp := wallet.TopUp{Priority: pick(rt, "priority", 0, 1)}
				money := rat(wallet.MustAmount(pick(rt, "worth", amounts...))) // so that the figures of all wallets meet
				topUp.Granted = amount(up(quo(money, rat(spec.Rate)), decimals))
				if i == 0 {
					spec.TopUp = topUp
					take(step{Do: doCreate, Spec: spec})
				} else {
					take(step{Do: doTopUp, Wallet: len(w.wallets) - 1, TopUp: &topUp})
				}
			}
		}
		for round := range 2 {
			c := &wallet.Charge{Customer: "c0", Currency: currency}
			for j := range rapid.IntRange(1, 4).Draw(rt, "fees") {
				f := wallet.Fee{ID: fmt.Sprint("f", round, j), Type: pick(rt, "type", "a", "b", wallet.FeeType("d")), Metric: pick(rt, "metric", "", "", "c")}
				f.Amount = wallet.MustAmount(pick(rt, "amount", append(amounts, "0")...))
				c.Fees = append(c.Fees, f)
			}
			preview, err := take(step{Do: doPreview, Charge: c})
			if err != nil {
				rt.Fatal(err)
			}
			paid, err := take(step{Do: doCharge, Charge: c})
			if err != nil {
				rt.Fatal(err)
			}
			for j, l := range paid.(wallet.Receipt).Lines {
				if before := preview.(wallet.Receipt).Lines[j].Covered; !before.Equal(l.Covered) {
					rt.Fatalf("fee %d: %s covered, the preview said %s", j, l.Covered, before)
				}
			}
		}
	})
}

// What $10 buys pays for $10, however the money came in and however it goes out, at any rate.
func testSplit(t *testing.T, s store.Store) {
	for _, rate := range []string{"3", "7", "0.3", "0.000003", "999999.999999", "1", "0.333333"} {
		for _, test := range []struct {
			buys, each string
			n, fees    int
			charged    bool
		}{
			{buys: "10", n: 1, each: "1", fees: 10},
			{buys: "10", n: 1, each: "1", fees: 10, charged: true},
			{buys: "10", n: 3, each: "30", fees: 1},
			{buys: "10", n: 3, each: "1", fees: 30},
			{buys: "10", n: 3, each: "30", fees: 1, charged: true},
			{buys: "10", n: 3, each: "0.1", fees: 300},
		} {
			name := fmt.Sprintf("%d × $%s at %s pays %d × $%s", test.n, test.buys, rate, test.fees, test.each)
			if test.fees > 100 && (rate != "3" && rate != "0.333333" || testing.Short()) {
				continue
			}
			w := newWorld(s, policy.Policy{AutoComplete: policy.Always})
			w.clock = start
			customer := wallet.CustomerID(fmt.Sprint(name, test.charged))
			made, err := w.eng.Create(t.Context(), wallet.Spec{Customer: customer, Currency: "USD", Rate: wallet.MustAmount(rate)})
			if err != nil {
				t.Fatal(err)
			}
			for range test.n {
				if _, err := w.eng.TopUp(t.Context(), made.ID, wallet.TopUp{Money: wallet.MustAmount(test.buys)}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range test.fees {
				if test.charged {
					_, err = w.eng.Charge(t.Context(), wallet.Charge{Customer: customer, Currency: "USD", Fees: []wallet.Fee{{Amount: wallet.MustAmount(test.each)}}, Whole: true})
				} else {
					_, err = w.eng.Debit(t.Context(), made.ID, wallet.Debit{Money: wallet.MustAmount(test.each)})
				}
				if err != nil {
					t.Fatalf("%s, charged: %v: number %d: %v", name, test.charged, i+1, err)
				}
			}
			now, err := w.eng.Wallet(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			// what rounding leaves is worth less than what is lost to it at most: each purchase rounds up, each fee down
			least := new(big.Rat).SetFrac(big.NewInt(int64(test.n+test.fees)), power(decimals))
			if left := rat(now.Balance.Spendable); left.Cmp(least) > 0 {
				t.Errorf("%s, charged: %v: %s credits are left", name, test.charged, now.Balance.Spendable)
			}
		}
	}
}

// Fees below a minor unit are paid whole, or not at all.
func testSmall(t *testing.T, s store.Store) {
	for i, test := range []struct {
		currency                wallet.Currency
		have, rate, fee, covers string
	}{
		{"USD", "1", "1", "0.001", "0.001"},
		{"USD", "0.001", "1", "0.002", "0"},
		{"USD", "0.019", "1", "0.02", "0.01"},
		{"USD", "0.02", "1", "0.02", "0.02"},
		{"JPY", "1.9", "1", "2", "1"},
		{"JPY", "1.9", "1", "1.9", "1.9"},
		{"KWD", "0.0019", "1", "0.002", "0.001"},
		{"USD", "0.000000000001", "0.000001", "0.000000000001", "0"},
		{"USD", "0.000001", "0.000001", "0.000000000001", "0.000000000001"},
		{"USD", "0.000000000001", "999999.999999", "0.000000999999", "0.000000999999"},
		{"USD", "1", "0.333333", "0.333333", "0.333333"},
		{"USD", "1", "0.333333", "0.333334", "0.33"},
		{"USD", "1", "999999.999999", "1000000", "999999.99"},
	} {
		w := newWorld(s, policy.Policy{})
		w.clock = start
		customer := wallet.CustomerID(fmt.Sprint("small", i))
		_, err := w.eng.Create(t.Context(), wallet.Spec{Customer: customer, Currency: test.currency, Rate: wallet.MustAmount(test.rate), TopUp: wallet.TopUp{Granted: wallet.MustAmount(test.have)}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.eng.Charge(t.Context(), wallet.Charge{Customer: customer, Currency: test.currency, Fees: []wallet.Fee{{Amount: wallet.MustAmount(test.fee)}}})
		if err != nil || !r.Covered.Equal(wallet.MustAmount(test.covers)) || !r.Covered.Add(r.Uncovered).Equal(wallet.MustAmount(test.fee)) {
			t.Errorf("%s credits at %s pay a fee of %s %s: %s covered, %s not, %v, want %s", test.have, test.rate, test.fee, test.currency, r.Covered, r.Uncovered, err, test.covers)
		}
	}
}
