package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
)

type demo struct {
	fresh
}

func (demo) Help() string {
	return `Five months pass in a moment: the engine's clock is the story's. After each step you see what changed, and at the end every transaction of every wallet, and all figures computed again from them.

Examples:

  wallet demo                  on a new file in the temporary directory
  wallet demo --db acme.db     on a file of your own, to look into with any SQLite tool
  wallet demo --dsn 'host=localhost dbname=billing user=me'     on Postgres, in a new schema`
}

func (d demo) Run(ctx context.Context) (err error) {
	place, err := d.make("demo")
	if err != nil {
		return err
	}
	db, err := place.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	s := &story{ctx: ctx, out: os.Stdout, customer: "acme"}
	s.eng = engine.New(db, &engine.Options{
		Now: func() time.Time { return s.now },
		// A purchase by card is paid as it is made; every other one waits for its invoice.
		Policy: policy.Policy{AutoComplete: func(_ wallet.Wallet, t wallet.Transaction) bool {
			return t.Metadata["payment"] == "card"
		}},
	})
	fmt.Fprintf(s.out, "The life of a customer's credits, kept in %s\n", place)
	if err := s.tell(acme(s)); err != nil {
		return err
	}
	return s.ending()
}

// acme is the story of Acme: what it does, and when.
func acme(s *story) []step {
	var (
		eng               = s.eng
		promo, prepaid    wallet.Wallet
		first, last, typo wallet.Transaction
		january           wallet.Charge
	)
	return []step{
		{"2026-01-05 09:00", "Acme signs up: a promotional wallet, for usage only, and a prepaid one, for everything.\n" +
			"Welcome: 100 free credits, each worth 1 USD. A prepaid credit is worth 0.50 USD.", func() (err error) {
			if promo, err = eng.Create(s.ctx, wallet.Spec{
				Customer: s.customer, Name: "Promotional", Currency: "USD", Rate: credit("1"), Priority: 1,
				AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{wallet.FeeCharge}},
				TopUp:     wallet.TopUp{Granted: credit("100"), Name: "welcome", Priority: 1},
			}); err != nil {
				return err
			}
			prepaid, err = eng.Create(s.ctx, wallet.Spec{
				Customer: s.customer, Name: "Prepaid", Currency: "USD", Rate: credit("0.5"), Priority: 2,
			})
			return err
		}},

		{"2026-01-12 10:30", "It buys 1,000 prepaid credits on invoice: nothing to spend before the invoice is paid.", func() error {
			bought, err := eng.TopUp(s.ctx, prepaid.ID, wallet.TopUp{Paid: credit("1000"), Reference: "INV-1"})
			if err == nil {
				first = bought[0]
			}
			return err
		}},

		{"2026-01-20 16:45", "The invoice is paid.", func() error {
			_, err := eng.Settle(s.ctx, first.ID, wallet.Settlement{Metadata: map[string]string{"payment": "wire"}})
			return err
		}},

		{"2026-02-01 06:00", "The bill of January. The promotional wallet comes first, but only for usage.", func() error {
			january = bill("2026-01", "130")
			return s.charge(january)
		}},

		{"2026-02-01 06:01", "The billing job lost the answer and asks again, under the same key: nothing paid twice.", func() error {
			return s.charge(january)
		}},

		{"2026-02-10 11:00", "200 more by card: the policy completes such a purchase as it is made.", func() error {
			_, err := eng.TopUp(s.ctx, prepaid.ID, wallet.TopUp{
				Paid: credit("200"), Reference: "INV-2", Metadata: map[string]string{"payment": "card"},
			})
			return err
		}},

		{"2026-02-16 14:00", "After an outage, support grants 500 credits. It meant 50.", func() error {
			granted, err := eng.TopUp(s.ctx, prepaid.ID, wallet.TopUp{Granted: credit("500"), Name: "apology"})
			if err == nil {
				typo = granted[0]
			}
			return err
		}},

		{"2026-02-16 14:05", "Nothing is edited: a new transaction voids the surplus, and names what it corrects.", func() error {
			_, err := eng.Void(s.ctx, prepaid.ID, wallet.Void{
				Credits: credit("450"), Lot: typo.ID, Corrects: typo.ID, Reason: "500 was 50",
			})
			return err
		}},

		{"2026-02-20 12:00", "A campaign: 40 free credits for usage, gone at the end of March.", func() error {
			_, err := eng.TopUp(s.ctx, promo.ID, wallet.TopUp{
				Granted: credit("40"), Name: "spring", Priority: 1, ExpiresAt: instant("2026-04-01 00:00"),
			})
			return err
		}},

		{"2026-03-01 06:00", "The bill of February.", func() error {
			return s.charge(bill("2026-02", "15.50"))
		}},

		{"2026-04-01 06:00", "The bill of March. What was left of the campaign had expired six hours before, at its\n" +
			"own instant, though no job ran: whoever asks next finds it done.", func() error {
			return s.charge(bill("2026-03", "120.25"))
		}},

		{"2026-05-04 10:00", "It buys 400 more on invoice …", func() error {
			bought, err := eng.TopUp(s.ctx, prepaid.ID, wallet.TopUp{Paid: credit("400"), Reference: "INV-3"})
			if err == nil {
				last = bought[0]
			}
			return err
		}},

		{"2026-05-12 17:00", "… and leaves. Termination fails the pending purchase and voids what remains, for good.", func() error {
			for _, w := range []wallet.Wallet{promo, prepaid} {
				if _, err := eng.Terminate(s.ctx, w.ID); err != nil {
					return err
				}
			}
			return nil
		}},

		{"2026-05-20 08:00", "The payment of INV-3 arrives after all. Finished transactions never change.", func() error {
			_, err := eng.Settle(s.ctx, last.ID, wallet.Settlement{})
			if over := (*wallet.NotPendingError)(nil); errors.As(err, &over) {
				s.say("refused: not pending, %s since %s", over.State, over.At.Format(time.DateTime))
				return nil
			}
			return fmt.Errorf("settling a failed purchase: %w", err)
		}},
	}
}

// bill is what a month costs: the plan, what was used, and the rest of the yearly commitment's share.
func bill(month, used string) wallet.Charge {
	return wallet.Charge{
		Customer: "acme", Currency: "USD", Reference: "bill " + month, Key: "bill " + month,
		Fees: []wallet.Fee{
			{ID: "plan", Type: wallet.FeeSubscription, Amount: credit("49")},
			{ID: "api calls", Type: wallet.FeeCharge, Metric: "api_calls", Amount: credit(used)},
			{ID: "yearly deal", Type: wallet.FeeCommitment, Amount: credit("25")},
		},
	}
}

func credit(s string) wallet.Amount { return wallet.MustAmount(s) }

func instant(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}
