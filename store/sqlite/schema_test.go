package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

func TestVersion(t *testing.T) {
	files, err := fs.Glob(schema, "schema/*.sql")
	if err != nil || len(files) != version || files[version-1] != fmt.Sprintf("schema/%04d.sql", version) {
		t.Errorf("version is %d, but there are %v, %v", version, files, err)
	}
	path := filepath.Join(t.TempDir(), "wallets.db")
	openFile(t, path)
	host := hostOf(t, path, "")
	must(host.Exec("UPDATE wallet_meta SET version = version + 1"))
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
	tx := must(host.Begin())
	defer tx.Rollback()
	if _, err := create(Join(tx), "ann"); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}

// A commit is on disk when it returns, and readers do not hold up writers.
func TestPragmas(t *testing.T) {
	s := openNew(t)
	for pragma, want := range map[string]driver.Value{"synchronous": int64(2), "journal_mode": "wal", "busy_timeout": int64(0)} {
		if _, err := one(s.writer.c, queryOf("PRAGMA "+pragma), func(row []driver.Value) error {
			if row[0] != want {
				t.Errorf("%s is %v, want %v", pragma, row[0], want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// The columns refuse what is no amount, and no column has a floating-point number.
func TestChecks(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	must(doDebit(s, id, "0.25", "k"))
	c := must(s.take(ctx, 0))
	defer c.close()
	for _, row := range []string{
		"INSERT INTO wallet_event (no, wallet, number, kind, at, credits) VALUES (100, 1, 9, 'released', 0, 0)",
		"INSERT INTO wallet_hold (id, customer, state, credits, money, captured, created, more) VALUES (zeroblob(16), 1, 'open', 0, 0, 0, 0, '{}')",
	} {
		must(c.exec(queryOf(row)))
	}
	amounts := map[string]bool{}
	for _, column := range []string{
		"wallet_record.rate", "wallet_record.min_paid", "wallet_record.max_paid", "wallet_state.spendable", "wallet_state.consumed", "wallet_state.remaining", "wallet_rest.held",
		"wallet_rest.pending", "wallet_rest.ongoing", "wallet_rest.kept", "wallet_rest.hot_held", "wallet_lot.credits", "wallet_lot.remaining",
		"wallet_lot.held", "wallet_txn.credits", "wallet_txn.money", "wallet_txn.balance", "wallet_hold.credits", "wallet_hold.money", "wallet_hold.captured", "wallet_event.credits",
	} {
		amounts[column] = true
		table, name, _ := strings.Cut(column, ".")
		update := queryOf(fmt.Sprintf("UPDATE %s SET %s = ?1", table, name))
		for _, bad := range []driver.Value{"", "-1", "1e5", "+1", " 1", "1,5", "NaN", "Inf", ".5", "0.30000000000000004", "0x1", []byte("1"),
			int64(-1), 1.0, 1.5, 1e300} {
			if _, err := c.exec(update, bad); err == nil {
				t.Errorf("%s took %v", column, bad)
			}
		}
		for _, good := range []driver.Value{"123456789012345678.123456789012", int64(math.MaxInt64)} {
			if _, err := c.exec(update, good); err != nil {
				t.Error(err)
			}
		}
	}
	for _, bad := range []string{
		"UPDATE wallet_record SET status = 'gone'", "UPDATE wallet_txn SET state = 3", "UPDATE wallet_txn SET kind = 8", "UPDATE wallet_txn SET source = -1",
		"UPDATE wallet_record SET id = 'text of sixteen.'", "UPDATE wallet_record SET id = x'00'", "UPDATE wallet_txn SET more = '[]'", "UPDATE wallet_txn SET created = 1.5",
		"UPDATE wallet_record SET priority = 256", "UPDATE wallet_record SET rules = '{'", "UPDATE wallet_txn SET prev = NULL",
	} {
		if _, err := c.exec(queryOf(bad)); err == nil {
			t.Error("taken:", bad)
		}
	}
	var tables []string
	if err := c.rows(queryOf("SELECT name FROM sqlite_schema WHERE type = 'table'"), func(row []driver.Value) error {
		tables = append(tables, row[0].(string))
		return nil
	}); err != nil {
		t.Error(err)
	}
	for _, table := range tables {
		if err := c.rows(queryOf("SELECT name, type FROM pragma_table_info('"+table+"')"), func(row []driver.Value) error {
			if kind := row[1].(string); kind != "TEXT" && kind != "INTEGER" && kind != "BLOB" && !amounts[table+"."+row[0].(string)] {
				t.Errorf("%s.%s is %s", table, row[0], kind)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		n, err := number(c, queryOf("SELECT strict FROM pragma_table_list WHERE name = '"+table+"'"))
		if err != nil || n != 1 {
			t.Errorf("%s is not strict, %v", table, err)
		}
	}
}

// Amounts come back as they were, whichever form they have in the file; the views have them in plain notation.
func TestAmounts(t *testing.T) {
	s := openNew(t)
	c := must(s.take(ctx, 0))
	defer c.close()
	for _, amount := range []string{
		"0.000000000001", "0.3", "1", "10", "1200.000000000034", "9223372.036854775807", "9223372.036854775808", "100000000", "999999999999999999.999999999999",
	} {
		id := must(create(s, wallet.CustomerID(amount)))
		lot := must(doGrant(s, id, amount))
		if got := spendable(s, id); got != amount {
			t.Errorf("%s is read as %s", amount, got)
		}
		got, err := one(c, queryOf("SELECT t.credits, spendable, l.remaining FROM wallet_transactions t JOIN wallet_wallets w ON w.id = t.wallet JOIN wallet_lots l ON l.id = t.id WHERE t.id = ?1"),
			func(row []driver.Value) error {
				for _, v := range row {
					if v != amount {
						t.Errorf("%s is shown as %v", amount, v)
					}
				}
				return nil
			}, lot.String())
		if !got || err != nil {
			t.Error(amount, got, err)
		}
	}
}

// An auditor reads plain rows, with any tool.
func TestViews(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	s := openFile(t, path)
	id := must(create(s, "ann"))
	first, second := must(doGrant(s, id, "1")), must(doGrant(s, id, "100.25"))
	by := must(doDebit(s, id, "1.125", "k"))
	if err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
		w, err := tx.Wallet(id)
		if err != nil {
			return err
		}
		state, at := w.State, now()
		x := wallet.Transaction{ID: wallet.MintTransactionID(state.Last, at), Wallet: id, Customer: "ann", Kind: wallet.Purchased, State: wallet.Pending,
			Source: wallet.SourceInterval, Credits: one1, Money: wallet.Money{Amount: one1, Currency: "USD"}, CreatedAt: at, Priority: 3, Name: `"quoted"`,
			Reference: "invoice", Corrects: first, ExpiresAt: at, Metadata: map[string]string{"a": "b"}}
		state.Last, state.Events = x.ID, state.Events+1
		used := wallet.Event{Wallet: id, Customer: "ann", Number: state.Events, Kind: wallet.EventUsed, At: at, Credits: wallet.MustAmount("0.5")}
		return errors.Join(tx.AddTransaction(&x, nil), tx.AddEvent(used), tx.PutState(id, state))
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"SELECT id || ' ' || customer || ' ' || spendable || ' ' || transactions FROM wallet_wallets": id.String() + " ann 100.125 4",
		"SELECT group_concat(kind || ' ' || credits || ' ' || balance_after, ', ') FROM (SELECT * FROM wallet_transactions ORDER BY id)": "granted 1 1, granted 100.25 101.25, " +
			"consumed 1.125 100.125, purchased 1 0",
		"SELECT id || ' ' || remaining || ' ' || draws FROM wallet_lots":                                                          second.String() + " 100.125 1",
		`SELECT group_concat(lot || ' ' || "by" || ' ' || credits || ' ' || amount, ', ') FROM wallet_draws`:                      fmt.Sprintf("%s %s 1 1, %s %s 0.125 0.125", first, by, second, by),
		"SELECT name || priority || reference || corrects || metadata || source FROM wallet_transactions WHERE state = 'pending'": `"quoted"3invoice` + first.String() + `{"a":"b"}interval`,
		"SELECT created_at || ' ' || settled_at FROM wallet_transactions WHERE kind = 'granted' LIMIT 1": func() string {
			var t wallet.Transaction
			s.View(ctx, func(r store.Reader) (err error) { t, err = r.Transaction(first); return err })
			return t.CreatedAt.Format("2006-01-02T15:04:05.000000Z") + " " + t.SettledAt.Format("2006-01-02T15:04:05.000000Z")
		}(),
		"SELECT DISTINCT typeof(credits) || typeof(amount) FROM wallet_draws": "texttext",
		`SELECT group_concat(kind || ' ' || credits || ' ' || coalesce("transaction", 'none'), ', ') FROM (SELECT * FROM wallet_events ORDER BY cursor)`: fmt.Sprintf(
			"topped_up 1 %s, topped_up 100.25 %s, consumed 1.125 %s, used 0.5 none", first, second, by),
	}
	c := must(s.take(ctx, 0))
	defer c.close()
	for query, want := range want {
		var got driver.Value
		if _, err := one(c, queryOf(query), func(row []driver.Value) error { got = row[0]; return nil }); err != nil || got != any(want) {
			t.Errorf("%s\ngot  %v, %v\nwant %s", query, got, err, want)
		}
		shell, err := exec.LookPath("sqlite3")
		if err != nil {
			continue
		}
		if out, err := exec.Command(shell, path, query).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", query, out, err, want)
		}
	}
}

// No statement that runs often scans a table or sorts.
func TestPlans(t *testing.T) {
	s := openNew(t)
	c := must(s.take(ctx, 0))
	defer c.close()
	used := map[*query]bool{}
	for _, q := range []*query{
		walletByID, activeOf, besidesOf, customerByID, walletOf, lotsBehind, lotByID, lotsExpired, openLotByID, nextOpenLot, selectOutcome, selectDue,
		selectLastKey, selectOwner, txnByID, selectMark, selectLastMark, selectChain, selectBefore, selectUpTo, selectID, selectNo, selectLast, holdByID, updateHold, eventsOf, allEvents, allTold, updateRecord, updateState, updateRest, updateLot, cooledLot,
		deleteLot, updateTxn, familiesByWallet, familiesByCustomer, headsOf,
	} {
		used[q] = true
	}
	for _, asc := range []bool{false, true} {
		q := wallet.TransactionQuery{OldestFirst: asc}
		used[newIndexed(nil, &q, span{}, "INDEXED BY wallet_txn_reference WHERE t.reference = ?1", nil).q] = true
		used[newIndexed(nil, &q, span{}, "INDEXED BY wallet_txn_rare WHERE t.kind <> 2 AND t.wallet = ?1", nil).q] = true
		used[newIndexed(nil, &q, span{}, "INDEXED BY wallet_txn_pending WHERE t.state = 0 AND t.wallet = ?1", nil).q] = true
		used[newIndexed(nil, &q, span{}, "INDEXED BY wallet_txn_id WHERE ?1 IS NULL", nil).q] = true
	}
	for _, q := range []wallet.HoldQuery{{}, {Customer: "c"}, {Wallet: wallet.MintID(wallet.ID{}, start)}} {
		for _, states := range [][]wallet.State{nil, {wallet.HoldOpen}} {
			q.States = states
			text, _ := holdsOf(&q)
			used[text] = true
		}
	}
	for q := range used {
		if err := c.rows(queryOf("EXPLAIN QUERY PLAN "+q.text), func(row []driver.Value) error {
			step := fmt.Sprint(row[3])
			fine := step == "SCAN step" || step == "SCAN CONSTANT ROW" || strings.HasPrefix(step, "SCAN (subquery") // which does not scan, itself
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !fine {
				t.Errorf("%s\n%s", q.text, step)
			}
			return nil
		}, make([]driver.Value, 20)...); err != nil {
			t.Error(q.text, err)
		}
	}
}
