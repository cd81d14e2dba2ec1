package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// ErrInsufficient says what was needed and what there was: in money, if that was asked for.
func TestInsufficient(t *testing.T) {
	for _, test := range []struct {
		name string
		want wallet.InsufficientError // but for the wallet
		of   bool                     // one wallet
		try  func(d *desk) error
	}{
		{"credits", wallet.InsufficientError{Needed: amount("100.5"), Available: amount("100")}, true,
			debit(wallet.Debit{Credits: amount("100.5")})},
		{"money", wallet.InsufficientError{Needed: amount("50.01"), Available: amount("50"), Currency: "USD"}, true,
			debit(wallet.Debit{Money: amount("50.01")})},
		{"void", wallet.InsufficientError{Needed: amount("101"), Available: amount("100")}, true,
			void(wallet.Void{Credits: amount("101")})},
		{"void of a lot", wallet.InsufficientError{Needed: amount("11"), Available: amount("10")}, true,
			func(d *desk) error {
				d.debit(d.id, "90")
				lot := d.lots(d.id)[0].ID
				d.topUp(d.id, wallet.TopUp{Granted: amount("100")})
				return void(wallet.Void{Credits: amount("11"), Lot: lot})(d)
			}},
		{"void of nothing", wallet.InsufficientError{}, true,
			func(d *desk) error { d.debit(d.id, "100"); return void(wallet.Void{All: true})(d) }},
		{"charge", wallet.InsufficientError{Needed: amount("60"), Available: amount("50"), Currency: "USD"}, false,
			charge(wallet.Charge{Whole: true, Fees: []wallet.Fee{{ID: "a", Amount: amount("20")}, {ID: "b", Amount: amount("40")}}})},
		{"preview", wallet.InsufficientError{Needed: amount("51"), Available: amount("50"), Currency: "USD"}, false,
			func(d *desk) error {
				return second(d.Preview(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Whole: true, Fees: []wallet.Fee{{Amount: amount("51")}}}))
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(wallet.Spec{Rate: amount("0.5"), TopUp: wallet.TopUp{Granted: amount("100")}})
			err := test.try(&desk{world: w, id: id})
			var got *wallet.InsufficientError
			wantErr(t, err, wallet.ErrInsufficient)
			if !errors.As(err, &got) {
				t.Fatalf("got error %v, which is no InsufficientError", err)
			}
			want := test.want
			if test.of {
				want.Wallet = id
			}
			wantEqual(t, *got, want, "the error")
			for _, part := range []string{want.Needed.String() + " ", want.Available.String() + " ", string(want.Currency)} {
				if !strings.Contains(err.Error()+" ", part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// ErrNotPending says how it had ended, when and why.
func TestNotPending(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(d *desk) error
		settle bool // what is tried then: else fail
		want   wallet.NotPendingError
	}{
		{"settled", func(d *desk) error { return second(d.Settle(ctx(), d.purchase, wallet.Settlement{})) }, false,
			wallet.NotPendingError{State: wallet.Settled}},
		{"failed", func(d *desk) error { return second(d.Fail(ctx(), d.purchase, "declined")) }, true,
			wallet.NotPendingError{State: wallet.Failed, Reason: "declined"}},
		{"failed without a word", func(d *desk) error { return second(d.Fail(ctx(), d.purchase, "")) }, true,
			wallet.NotPendingError{State: wallet.Failed}},
		{"terminated", func(d *desk) error { return second(d.Terminate(ctx(), d.id)) }, true,
			wallet.NotPendingError{State: wallet.Failed, Reason: "the wallet was terminated"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(newWorld(t))
			d.wait(time.Minute)
			test.want.At = d.clock
			wantErr(t, test.end(d), nil)
			d.wait(time.Minute)
			d.unchanged(func() {
				err := second(d.Fail(ctx(), d.purchase, "again"))
				if test.settle {
					err = second(d.Settle(ctx(), d.purchase, wallet.Settlement{}))
				}
				var got *wallet.NotPendingError
				wantErr(t, err, wallet.ErrNotPending)
				if !errors.As(err, &got) {
					t.Fatalf("got error %v, which is no NotPendingError", err)
				}
				wantEqual(t, *got, test.want, "the error")
			})
		})
	}
}

// Only inbound transactions are ever pending; the others count as settled.
func TestFinishOutbound(t *testing.T) {
	d := newDesk(newWorld(t))
	out := d.debit(d.id, "1")
	d.unchanged(func() {
		same, err := d.Settle(ctx(), out.ID, wallet.Settlement{Metadata: map[string]string{"a": "b"}})
		wantErr(t, err, nil)
		wantSame(t, same, []wallet.Transaction{out}, "the debit")
		wantErr(t, second(d.Fail(ctx(), out.ID, "r")), wallet.ErrNotPending)
	})
}

// A settlement's metadata is merged, if the result is within bounds.
func TestSettlementMetadata(t *testing.T) {
	d := newDesk(newWorld(t))
	bought := d.topUp(d.id, wallet.TopUp{Paid: amount("1"), Granted: amount("1"), GrantOnSettle: true, Metadata: map[string]string{"a": "1", "b": "1"}})
	many := make(map[string]string)
	for i := range 49 {
		many[strings.Repeat("x", i+1)] = ""
	}
	d.unchanged(func() {
		err := second(d.Settle(ctx(), bought[0].ID, wallet.Settlement{Metadata: many}))
		wantEqual(t, paths(err), []string{"metadata"}, "bad fields")
	})
	settled := must(d.Settle(ctx(), bought[1].ID, wallet.Settlement{Metadata: map[string]string{"b": "2", "c": "2"}}))
	wantEqual(t, settled[0].Metadata, map[string]string{"a": "1", "b": "2", "c": "2"}, "metadata of the purchase")
	wantEqual(t, settled[1].Metadata, map[string]string{"a": "1", "b": "1"}, "metadata of the grant")
}

// A termination releases holds, fails what is pending and voids what remains, in this order.
func TestTermination(t *testing.T) {
	d := newDesk(newWorld(t))
	must(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Credits: amount("1")}))
	before := must(wallet.Collect(d.Events(ctx(), wallet.EventQuery{Wallet: d.id})))
	must(d.Terminate(ctx(), d.id))
	var kinds []wallet.EventKind
	for _, e := range must(wallet.Collect(d.Events(ctx(), wallet.EventQuery{Wallet: d.id})))[len(before):] {
		kinds = append(kinds, e.Kind)
	}
	wantEqual(t, kinds, []wallet.EventKind{wallet.EventReleased, wallet.EventFailed, wallet.EventVoided, wallet.EventTerminated}, "events")
}

// Every command but a repeat is refused on a terminated wallet.
func TestTerminated(t *testing.T) {
	d := newDesk(newWorld(t))
	must(d.Debit(ctx(), d.id, wallet.Debit{Credits: amount("1"), Key: "k"}))
	ended := must(d.Terminate(ctx(), d.id))
	d.wait(time.Hour)
	d.unchanged(func() {
		for name, try := range map[string]func(*desk) error{
			"top up": topUp(wallet.TopUp{Granted: amount("1")}), "debit": debit(wallet.Debit{Credits: amount("1")}),
			"void": void(wallet.Void{All: true}), "update": update(wallet.Changes{Name: wallet.Set("x")}), "empty update": update(wallet.Changes{}),
		} {
			t.Run(name, func(t *testing.T) { wantErr(t, try(d), wallet.ErrTerminated) })
		}
		wantErr(t, debit(wallet.Debit{Credits: amount("1"), Key: "k"})(d), nil)
		wantErr(t, second(d.Fail(ctx(), d.purchase, "r")), nil)
		again := must(d.Terminate(ctx(), d.id))
		wantSame(t, again, ended, "the wallet")
		wantEqual(t, len(d.lots(d.id)), 0, "open lots")
	})
}

// A context that has ended undoes a command, and ends a read.
func TestEndedContext(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		d := newDesk(on(t, open(t), policy.Policy{}))
		ended, cancel := context.WithCancel(ctx())
		cancel()
		one := amount("1")
		d.unchanged(func() {
			for name, err := range map[string]error{
				"create":    second(d.Create(ended, wallet.Spec{Customer: "new", Currency: "USD", Rate: one})),
				"update":    second(d.Update(ended, d.id, wallet.Changes{Name: wallet.Set("x")})),
				"top up":    second(d.TopUp(ended, d.id, wallet.TopUp{Granted: one, Key: "k"})),
				"settle":    second(d.Settle(ended, d.purchase, wallet.Settlement{})),
				"fail":      second(d.Fail(ended, d.purchase, "")),
				"debit":     second(d.Debit(ended, d.id, wallet.Debit{Credits: one})),
				"charge":    second(d.Charge(ended, wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: one}}})),
				"preview":   second(d.Preview(ended, wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: one}}})),
				"void":      second(d.Void(ended, d.id, wallet.Void{All: true})),
				"terminate": second(d.Terminate(ended, d.id)),
				"wallet":    second(d.Wallet(ended, d.id)),
				"lots":      last(d.Lots(ended, d.id)),
				"tick":      second(d.Tick(ended)),
			} {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: got error %v", name, err)
				}
			}
		})
	})
}

// What was not found is named, and nothing else: a transfer may miss either wallet.
func TestTransferMisses(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		id := w.open("10")
		_, err := w.Transfer(ctx(), id, wallet.ID{}, wallet.Transfer{All: true})
		if wantErr(t, err, wallet.ErrNotFound); strings.Contains(err.Error(), id.String()) {
			t.Errorf("%q is about the wallet that is there", err)
		}
	})
}
