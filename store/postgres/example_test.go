package postgres_test

import (
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/postgres"
)

// What the README shows.
func TestReadme(t *testing.T) {
	ctx, dsn := t.Context(), postgres.DSN(t)

	credits, err := postgres.Open(ctx, dsn, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer credits.Close()
	eng := engine.New(credits, nil)

	acme := wallet.CustomerID(fmt.Sprint("acme ", time.Now().UnixNano())) // the server may know one already
	w, err := eng.Create(ctx, wallet.Spec{Customer: acme, Currency: "USD", Rate: wallet.MustAmount("1"), TopUp: wallet.TopUp{Granted: wallet.MustAmount("20")}})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	bill := wallet.Charge{Customer: acme, Currency: "USD", Key: "bill 2026-01", Fees: []wallet.Fee{{Type: wallet.FeeCharge, Amount: wallet.MustAmount("5")}}}

	receipt, err := eng.With(credits.Join(tx)).Charge(ctx, bill)
	if err != nil || receipt.Covered.String() != "5" {
		t.Fatal(receipt.Covered, err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if w, err = eng.Wallet(ctx, w.ID); err != nil || w.Balance.Spendable.String() != "15" {
		t.Error(w.Balance.Spendable, err)
	}
}
