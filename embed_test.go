//go:build !js && !wasip1

package wallet_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/rest"
	"github.com/seed-12493b23/wallet/rest/console"
	"github.com/seed-12493b23/wallet/store/memory"
	"github.com/seed-12493b23/wallet/store/sqlite"
	"github.com/seed-12493b23/wallet/store/storetest"
)

// Wallets in a SQLite file of their own.
func Example_file() {
	dir := must(os.MkdirTemp("", "wallet"))
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "credits.db")

	credits, err := sqlite.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer credits.Close()
	eng := engine.New(credits, nil)

	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("20")}})
	fmt.Println(w.Balance.Spendable)

	// Output:
	// 20
}

// Wallets in tables of a database that the host has open, and in a transaction of the host's: a bill and its payment are
// there together or not at all.
func Example_transaction() {
	dir := must(os.MkdirTemp("", "wallet"))
	defer os.RemoveAll(dir)
	db := must(sql.Open("sqlite", "file:"+filepath.Join(dir, "host.db")+"?_txlock=immediate"))
	defer db.Close()
	must(db.Exec("CREATE TABLE bills (id TEXT PRIMARY KEY, amount TEXT NOT NULL)"))

	credits, err := sqlite.New(ctx, db, nil)
	if err != nil {
		log.Fatal(err)
	}
	eng := engine.New(credits, nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO bills (id, amount) VALUES (?, ?)", "2026-01", "49"); err != nil {
		log.Fatal(err)
	}
	receipt, err := eng.With(sqlite.Join(tx)).Charge(ctx, wallet.Charge{
		Customer: "acme", Currency: "USD", Key: "bill 2026-01",
		Fees: []wallet.Fee{{Type: wallet.FeeSubscription, Amount: wallet.MustAmount("49")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("paid", receipt.Covered, "- left", must(eng.Wallet(ctx, w.ID)).Balance.Spendable)

	undone := must(db.BeginTx(ctx, nil))
	must(eng.With(sqlite.Join(undone)).Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("51")}))
	if err := undone.Rollback(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("rolled back - left", must(eng.Wallet(ctx, w.ID)).Balance.Spendable)

	// Output:
	// paid 49 - left 51
	// rolled back - left 51
}

// The wallets over HTTP, in the host's own server.
func Example_http() {
	eng := engine.New(memory.New(), nil)
	create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("20")}})
	secret := "of the support team"

	mux := http.NewServeMux()
	mux.Handle(rest.Base+"/", rest.New(eng, &rest.Options{
		Authorize: rest.Bearer(rest.Token{Secret: secret, ReadOnly: true}),
	}))
	mux.Handle("/admin/wallets", console.New(eng, &console.Options{
		Authorize: rest.Basic(rest.Token{Secret: secret}),
		Allow:     console.Actions{TopUp: true, Settle: true},
	}))

	request := httptest.NewRequest("GET", rest.Base+"/wallets?external_customer_id=acme", nil)
	request.Header.Set("Authorization", "Bearer "+secret)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, request)
	var list struct {
		Wallets []struct {
			Available string `json:"available_credits"`
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Code, list.Wallets[0].Available)

	request = httptest.NewRequest("GET", "/admin/wallets?customer=acme", nil)
	request.SetBasicAuth("anybody", secret)
	answer = httptest.NewRecorder()
	mux.ServeHTTP(answer, request)
	fmt.Println(answer.Code, strings.Contains(answer.Body.String(), "20.00 USD"))

	// Output:
	// 200 20.0
	// 200 true
}

// A policy of one's own, and the proof of it.
var paidFirst = policy.Policy{Order: policy.Order{policy.PurchasedFirst, policy.SoonestExpiry, policy.OldestFirst}}

func TestPolicy(t *testing.T) { storetest.Policy(t, paidFirst) }
