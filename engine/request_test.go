package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// Fields that are in order by themselves can still exclude each other.
func TestCombinations(t *testing.T) {
	one := amount("1")
	fees := func(ids ...string) (fees []wallet.Fee) {
		for _, id := range ids {
			fees = append(fees, wallet.Fee{ID: id, Amount: one})
		}
		return fees
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	later := start.Add(time.Hour)
	for _, test := range []struct {
		name string
		want string // the path
		try  func(d *desk) error
	}{
		{"nothing to add", "paid", topUp(wallet.TopUp{})},
		{"nothing to add, at length", "paid", topUp(wallet.TopUp{Name: "gift", Priority: 1, Key: "k"})},
		{"credits and money to buy", "money", topUp(wallet.TopUp{Paid: one, Money: one})},
		{"a grant that waits for nothing", "grant_on_settle", topUp(wallet.TopUp{Granted: one, GrantOnSettle: true})},
		{"an expiry and a duration", "expires_in", topUp(wallet.TopUp{Granted: one, ExpiresAt: later, ExpiresIn: time.Hour})},
		{"a first top-up of nothing", "top_up.paid", create(wallet.Spec{TopUp: wallet.TopUp{Reference: "r"}})},
		{"a key of its own", "top_up.key", create(wallet.Spec{TopUp: wallet.TopUp{Granted: one, Key: "k"}})},
		{"limits upside down", "limits.min_paid", create(wallet.Spec{Limits: wallet.Limits{MinPaid: amount("2"), MaxPaid: one}})},
		{"an empty fee type", "applies_to.fee_types[0]", create(wallet.Spec{AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{""}}})},
		{"an empty metric", "applies_to.metrics[0]", create(wallet.Spec{AppliesTo: wallet.AppliesTo{Metrics: []string{""}}})},
		{"new limits upside down", "limits.min_paid", update(wallet.Changes{Limits: &wallet.Limits{MinPaid: amount("2"), MaxPaid: one}})},
		{"nothing to debit", "credits", debit(wallet.Debit{})},
		{"credits and money to debit", "money", debit(wallet.Debit{Credits: one, Money: one})},
		{"a fee that says how much", "fee.amount", debit(wallet.Debit{Credits: one, Fee: wallet.Fee{Amount: one}})},
		{"nothing to void", "credits", void(wallet.Void{})},
		{"nothing to void from a lot", "credits", void(wallet.Void{Reason: "r"})},
		{"some and all to void", "all", void(wallet.Void{Credits: one, All: true})},
		{"the second fee without an ID", "fees[1].id", charge(wallet.Charge{Fees: fees("a", "")})},
		{"two fees of one ID", "fees[2].id", charge(wallet.Charge{Fees: fees("a", "b", "a")})},
		{"too many fees", "fees", charge(wallet.Charge{Fees: fees(many...)})},
		{"nobody to charge", "customer", func(d *desk) error {
			_, err := d.Charge(ctx(), wallet.Charge{Currency: "USD", Fees: fees("a")})
			return err
		}},
		{"wallets from behind the first", "offset", func(d *desk) error { return last(d.Wallets(ctx(), wallet.WalletQuery{Offset: -1})) }},
		{"wallets of no customer's", "customer", func(d *desk) error { return last(d.Wallets(ctx(), wallet.WalletQuery{Customer: "a\x00"})) }},
		{"wallets of no code", "code", func(d *desk) error { _, err := d.CountWallets(ctx(), wallet.WalletQuery{Code: "\xff"}); return err }},
		{"transactions of no reference", "reference", func(d *desk) error {
			return last(d.Transactions(ctx(), wallet.TransactionQuery{Reference: "\x00"}))
		}},
		{"transactions of no kind", "kinds", func(d *desk) error {
			return last(d.Transactions(ctx(), wallet.TransactionQuery{Kinds: []wallet.Kind{"\x00"}}))
		}},
		{"holds of no customer's", "customer", func(d *desk) error { return last(d.Holds(ctx(), wallet.HoldQuery{Customer: "a\x00"})) }},
		{"holds of no state", "states", func(d *desk) error {
			return last(d.Holds(ctx(), wallet.HoldQuery{States: []wallet.State{"\x00"}}))
		}},
		{"events of no customer's", "customer", func(d *desk) error { return last(d.Events(ctx(), wallet.EventQuery{Customer: "a\x00"})) }},
		{"less than no wallets", "limit", func(d *desk) error { return last(d.Wallets(ctx(), wallet.WalletQuery{Limit: -1})) }},
		{"transactions from behind the first", "offset", func(d *desk) error { return last(d.Transactions(ctx(), wallet.TransactionQuery{Offset: -1})) }},
		{"less than no transactions", "limit", func(d *desk) error { return last(d.Transactions(ctx(), wallet.TransactionQuery{Limit: -1})) }},
		{"no time between ticks", "every", func(d *desk) error { return d.Run(ctx(), 0) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(newWorld(t))
			d.unchanged(func() {
				if err := test.try(d); !slices.Equal(paths(err), []string{test.want}) {
					t.Errorf("got error %v about %q, want one about %s", err, paths(err), test.want)
				}
			})
		})
	}
}

func create(s wallet.Spec) func(*desk) error {
	return func(d *desk) error {
		s.Customer, s.Currency, s.Rate = "acme", "USD", amount("1")
		_, err := d.Create(ctx(), s)
		return err
	}
}

func update(c wallet.Changes) func(*desk) error {
	return func(d *desk) error { _, err := d.Update(ctx(), d.id, c); return err }
}

func topUp(t wallet.TopUp) func(*desk) error {
	return func(d *desk) error { _, err := d.TopUp(ctx(), d.id, t); return err }
}

func debit(b wallet.Debit) func(*desk) error {
	return func(d *desk) error { _, err := d.Debit(ctx(), d.id, b); return err }
}

func void(v wallet.Void) func(*desk) error {
	return func(d *desk) error { _, err := d.Void(ctx(), d.id, v); return err }
}

func charge(c wallet.Charge) func(*desk) error {
	return func(d *desk) error {
		c.Customer, c.Currency = "acme", "USD"
		_, err := d.Charge(ctx(), c)
		return err
	}
}

// last returns the error that ends a sequence.
func last[T any](seq func(func(T, error) bool)) (err error) {
	seq(func(_ T, e error) bool { err = e; return true })
	return err
}

// All bad fields of a request are reported at once.
func TestAllAtOnce(t *testing.T) {
	bad, less := "\x00", amount("-1")
	meta := map[string]string{"": "x"}
	old := start.AddDate(-100, 0, 0)
	topUp := wallet.TopUp{Paid: less, Granted: less, Money: less, Priority: -1, ExpiresAt: old, ExpiresIn: -1, Name: bad, Reference: bad, Metadata: meta}
	topUpPaths := []string{"paid", "granted", "money", "money", "priority", "expires_at", "expires_in", "expires_in", "name", "reference", "metadata"}
	first := make([]string, len(topUpPaths))
	for i, p := range topUpPaths {
		first[i] = "top_up." + p
	}
	applies := wallet.AppliesTo{FeeTypes: []wallet.FeeType{"A", "b", "C"}, Metrics: []string{bad}}
	appliesPaths := []string{"applies_to.fee_types[0]", "applies_to.fee_types[2]", "applies_to.metrics[0]"}
	fee := wallet.Fee{ID: bad, Type: "A", Metric: bad, Amount: less}
	keyed := topUp
	keyed.Key = bad
	for _, test := range []struct {
		name string
		want []string
		try  func(d *desk) error
	}{
		{"create", slices.Concat([]string{"customer", "currency", "rate", "name", "code", "priority", "expires_at", "metadata", "key", "limits.min_paid"}, appliesPaths, first),
			func(d *desk) error {
				_, err := d.Create(ctx(), wallet.Spec{Customer: wallet.CustomerID(bad), Rate: less, Name: bad, Code: bad, Priority: 256,
					AppliesTo: applies, ExpiresAt: old, Limits: wallet.Limits{MinPaid: less}, Metadata: meta, Key: bad, TopUp: topUp})
				return err
			}},
		{"update", slices.Concat([]string{"name", "code", "priority", "expires_at", "metadata", "key", "limits.min_paid"}, appliesPaths),
			update(wallet.Changes{Name: &bad, Code: &bad, Priority: wallet.Set(-1), AppliesTo: &applies, ExpiresAt: &old,
				Limits: &wallet.Limits{MinPaid: less}, Metadata: meta, Key: bad})},
		{"top up", append(topUpPaths, "key"), func(d *desk) error { _, err := d.TopUp(ctx(), d.id, keyed); return err }},
		{"debit", []string{"credits", "money", "money", "fee.id", "fee.type", "fee.metric", "fee.amount", "reference", "metadata", "key"},
			debit(wallet.Debit{Credits: less, Money: less, Fee: fee, Reference: bad, Metadata: meta, Key: bad})},
		{"charge", []string{"customer", "currency", "fees[0].id", "fees[0].type", "fees[0].metric", "fees[0].amount", "fees[1].id", "fees[1].id", "fees[1].type",
			"fees[1].metric", "fees[1].amount", "reference", "metadata", "key"},
			func(d *desk) error {
				_, err := d.Charge(ctx(), wallet.Charge{Fees: []wallet.Fee{fee, fee}, Reference: bad, Metadata: meta, Key: bad})
				return err
			}},
		{"void", []string{"credits", "all", "reason", "metadata", "key"},
			void(wallet.Void{Credits: less, All: true, Reason: bad, Metadata: meta, Key: bad})},
		{"what only the wallet can tell", []string{"code", "expires_at", "top_up.expires_at", "top_up.corrects"}, func(d *desk) error {
			d.create(wallet.Spec{Code: "taken"})
			nobody := wallet.MintTransactionID(wallet.TransactionID{}, start)
			return create(wallet.Spec{Code: "taken", ExpiresAt: start,
				TopUp: wallet.TopUp{Granted: amount("1"), ExpiresAt: start, Corrects: nobody}})(d)
		}},
		{"what only the changed wallet can tell", []string{"code", "expires_at", "rules[1].id", "rules[2].id"}, func(d *desk) error {
			d.create(wallet.Spec{Code: "taken"})
			rule := wallet.Rule{Trigger: wallet.TriggerThreshold, Paid: amount("1")}
			stranger := rule
			stranger.ID = wallet.MintRuleID(wallet.RuleID{}, start)
			return update(wallet.Changes{Code: wallet.Set("taken"), ExpiresAt: &start, Rules: []wallet.Rule{rule, stranger, stranger}})(d)
		}},
		{"what only the voided wallet can tell", []string{"lot", "corrects"}, void(wallet.Void{All: true, Lot: someID, Corrects: someID})},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.try(newDesk(newWorld(t)))
			got := paths(err)
			slices.Sort(got)
			slices.Sort(test.want)
			if got, want := slices.Compact(got), slices.Compact(test.want); !slices.Equal(got, want) {
				t.Errorf("got %q\nwant %q\n%v", got, want, err)
			}
		})
	}
}

// An error tells what was given, cut where it is long.
func TestFieldErrors(t *testing.T) {
	long := strings.Repeat("é", 200)
	_, err := newWorld(t).Create(ctx(), wallet.Spec{Customer: "acme", Currency: "usd", Rate: amount("1"), Name: long})
	var invalid *wallet.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 2 {
		t.Fatalf("got error %v, want one about two fields", err)
	}
	currency, name := invalid.Fields[0], invalid.Fields[1]
	wantEqual(t, currency, wallet.FieldError{Field: "currency", Value: "usd", Issue: "is not an ISO 4217 code"}, "the first field")
	if len(name.Value) > 70 || !strings.HasPrefix(long, strings.TrimSuffix(name.Value, "…")) || !strings.Contains(name.Issue, "255") {
		t.Errorf("got %+v", name)
	}
}

// What a request names must be there, and be the customer's own.
func TestUnknown(t *testing.T) {
	one := amount("1")
	for _, id := range []wallet.ID{{}, wallet.MintID(wallet.ID{}, start), must(wallet.ParseID("ffffffff-ffff-ffff-ffff-ffffffffffff"))} {
		wantNotFound(t, map[string]func(d *desk) error{
			"update":    update(wallet.Changes{}),
			"top up":    topUp(wallet.TopUp{Granted: one}),
			"debit":     debit(wallet.Debit{Credits: one}),
			"a key":     debit(wallet.Debit{Credits: one, Key: "k"}),
			"void":      void(wallet.Void{All: true}),
			"terminate": func(d *desk) error { return second(d.Terminate(ctx(), id)) },
			"wallet":    func(d *desk) error { return second(d.Wallet(ctx(), id)) },
			"lots":      func(d *desk) error { return last(d.Lots(ctx(), id)) },
		}, id)
	}
	for _, id := range []wallet.TransactionID{{}, wallet.MintTransactionID(wallet.TransactionID{}, start)} {
		wantNotFound(t, map[string]func(d *desk) error{
			"settle":      func(d *desk) error { return second(d.Settle(ctx(), id, wallet.Settlement{})) },
			"fail":        func(d *desk) error { return second(d.Fail(ctx(), id, "r")) },
			"transaction": func(d *desk) error { return second(d.Transaction(ctx(), id)) },
			"draws":       func(d *desk) error { return last(d.Draws(ctx(), id)) },
		}, wallet.ID{})
	}
}

func wantNotFound(t *testing.T, requests map[string]func(*desk) error, id wallet.ID) {
	t.Helper()
	for name, try := range requests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(newWorld(t))
			d.unchanged(func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("panic: %v", p)
					}
				}()
				d := *d
				d.id = id
				wantErr(t, try(&d), wallet.ErrNotFound)
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

// What is another customer's is as good as not there.
func TestStrangers(t *testing.T) {
	d := newDesk(newWorld(t))
	other := d.create(wallet.Spec{Customer: "umbrella"})
	theirs := d.topUp(other, wallet.TopUp{Granted: amount("1")})[0].ID
	one := amount("1")
	d.unchanged(func() {
		for name, err := range map[string]error{
			"corrects": topUp(wallet.TopUp{Granted: one, Corrects: theirs})(d),
			"CORRECTS": debit(wallet.Debit{Credits: one, Corrects: theirs})(d),
			"Corrects": void(wallet.Void{Credits: one, Corrects: theirs})(d),
			"lot":      void(wallet.Void{Credits: one, Lot: theirs})(d),
		} {
			if got := paths(err); !slices.Equal(got, []string{strings.ToLower(name)}) {
				t.Errorf("%s: got error %v", name, err)
			}
		}
	})
}
