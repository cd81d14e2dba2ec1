package postgres

import (
	_ "embed"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// dropped names a schema that goes away with the test.
func dropped(t *testing.T, pool *pgxpool.Pool, name string) string {
	drop := "DROP SCHEMA IF EXISTS " + pgx.Identifier{name}.Sanitize() + " CASCADE"
	must(pool.Exec(ctx, drop))
	t.Cleanup(func() { must(pool.Exec(ctx, drop)) })
	return name
}

// Of migrators that come at once one does it; whoever comes later has nothing to do.
func TestMigrators(t *testing.T) {
	pool := openWith(t, nil).pool
	schema := dropped(t, pool, `at "once" {state} $1`)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if _, err := New(ctx, pool, &Options{Schema: schema}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	one := must(pgxpool.New(ctx, serve(t).with("pool_max_conns=1")))
	defer one.Close()
	for range 2 {
		s := must(New(ctx, one, &Options{Schema: schema}))
		create(t, s, "ann", 1)
	}
}

// Tables of a future version are left alone.
func TestFutureVersion(t *testing.T) {
	s := openWith(t, nil)
	schema := dropped(t, s.pool, "future")
	s = must(New(ctx, s.pool, &Options{Schema: schema}))
	must(s.pool.Exec(ctx, "UPDATE future.wallet_meta SET version = version + 1"))
	if _, err := New(ctx, s.pool, &Options{Schema: schema}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}

// Migrations that another tool has run leave nothing to do, and need no right to create anything afterwards.
func TestMigrations(t *testing.T) {
	pool := openWith(t, nil).pool
	schema := dropped(t, pool, "by hand")
	must(pool.Exec(ctx, `CREATE SCHEMA "by hand"`))
	for _, m := range must(Migrations(&Options{Schema: schema})) {
		must(pool.Exec(ctx, m.SQL, pgx.QueryExecModeSimpleProtocol))
	}
	create(t, must(New(ctx, pool, &Options{Schema: schema})), "ann", 1)
}

// An application's role can do its work, and neither change nor delete what has happened.
func TestRoles(t *testing.T) {
	pool := openWith(t, nil).pool
	schema := dropped(t, pool, "least")
	must(New(ctx, pool, &Options{Schema: schema}))
	end := func() {
		must(pool.Exec(ctx, "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_app') THEN DROP OWNED BY wallet_app; DROP ROLE wallet_app; END IF; END $$"))
	}
	end()
	t.Cleanup(end)
	must(pool.Exec(ctx, "CREATE ROLE wallet_app LOGIN", pgx.QueryExecModeSimpleProtocol))
	must(pool.Exec(ctx, strings.NewReplacer(" wallet.", " least.", "SCHEMA wallet ", "SCHEMA least ").Replace(strings.Join(documented(t, "GRANT"), "\n")), pgx.QueryExecModeSimpleProtocol))
	config := must(pgxpool.ParseConfig(serve(t).dsn))
	config.ConnConfig.User = "wallet_app"
	app := must(pgxpool.NewWithConfig(ctx, config))
	defer app.Close()
	s := must(New(ctx, app, &Options{Schema: schema}))
	story(t, s)
	for _, sql := range []string{
		"DELETE FROM {transaction}", "UPDATE {transaction} SET credits = 1", "UPDATE {transaction} SET lot = NULL", "DELETE FROM {key}",
		"UPDATE {key} SET fingerprint = wallet", "DELETE FROM {event}", "UPDATE {event} SET event = '{}'", "DELETE FROM {drawn}", "DELETE FROM {record}",
		"UPDATE {record} SET rate = 1", "TRUNCATE {event}", "UPDATE {meta} SET version = 0", "DROP TABLE {event}", "DELETE FROM {hold}",
	} {
		if _, err := app.Exec(ctx, s.names.in(sql)); codeOf(err) != "42501" {
			t.Errorf("%s: %v, want that it is not permitted", sql, err)
		}
	}
}

// story does every kind of thing.
func story(t *testing.T, s *Store) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	eng := engine.New(s, &engine.Options{Now: func() time.Time { at = at.Add(time.Millisecond); return at }})
	two, ten := wallet.MustAmount("2"), wallet.MustAmount("10")
	spec := wallet.Spec{Customer: "ann", Currency: "USD", Rate: dollar, Code: "a", TopUp: wallet.TopUp{Granted: ten}, Rules: []wallet.Rule{
		{Trigger: wallet.TriggerInterval, Every: wallet.Weekly, Granted: dollar}, {Trigger: wallet.TriggerThreshold, Threshold: dollar, Paid: dollar}}}
	id := must(eng.Create(ctx, spec)).ID
	side := must(eng.Create(ctx, wallet.Spec{Customer: "ann", Currency: "USD", Rate: dollar, ExpiresAt: at.AddDate(0, 1, 0), TopUp: wallet.TopUp{Granted: two}})).ID
	bought := must(eng.TopUp(ctx, id, wallet.TopUp{Paid: ten, Granted: dollar, Key: "top"}))
	must(eng.Settle(ctx, bought[0].ID, wallet.Settlement{Metadata: map[string]string{"a": "b"}}))
	failed := must(eng.TopUp(ctx, id, wallet.TopUp{Paid: dollar, ExpiresIn: time.Hour}))
	must(eng.Fail(ctx, failed[0].ID, "declined"))
	must(eng.TopUp(ctx, id, wallet.TopUp{Granted: dollar, ExpiresIn: time.Minute}))
	held := must(eng.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: two}))
	must(eng.Capture(ctx, held.ID, wallet.Capture{Credits: dollar}))
	held = must(eng.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: two}))
	must(eng.Release(ctx, held.ID))
	must(eng.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: two, For: time.Minute}))
	must(eng.Update(ctx, id, wallet.Changes{Name: wallet.Set("n"), Priority: wallet.Set(3)}))
	spent := must(eng.Charge(ctx, wallet.Charge{Customer: "ann", Currency: "USD", Fees: []wallet.Fee{{Amount: wallet.MustAmount("14")}}, Key: "charge"}))
	must(eng.Refund(ctx, spent.Transactions[0].ID, wallet.Refund{Credits: dollar}))
	must(eng.SetOngoing(ctx, wallet.Charge{Customer: "ann", Currency: "USD", Fees: []wallet.Fee{{Amount: dollar}}}))
	for range 2 {
		must(eng.Debit(ctx, id, wallet.Debit{Credits: dollar, Key: "k"}))
	}
	must(eng.Transfer(ctx, id, side, wallet.Transfer{Credits: dollar}))
	must(eng.Void(ctx, id, wallet.Void{Credits: dollar}))
	at = at.AddDate(0, 2, 0) // lots, holds and a wallet expire, rules fire
	must(eng.Tick(ctx))
	if w := must(eng.Wallet(ctx, side)); w.Status != wallet.Terminated {
		t.Errorf("the wallet is %s", w.Status)
	}
	must(eng.Terminate(ctx, id))
	must(wallet.Collect(eng.Transactions(ctx, wallet.TransactionQuery{Customer: "ann"})))
	must(wallet.Collect(eng.Events(ctx, wallet.EventQuery{Customer: "ann"})))
	audit(t, s, id)
	audit(t, s, side)
}

//go:embed doc.go
var documentation string

// documented returns the statements that the package's documentation has, of those that begin with a word.
func documented(t *testing.T, word string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^//\t(`+word+` (?:[^;]|\n//\t)*;)$`).FindAllStringSubmatch(documentation, -1) {
		all = append(all, strings.ReplaceAll(m[1], "\n//\t", "\n"))
	}
	if len(all) == 0 {
		t.Fatal("there are none")
	}
	return all
}

// The documented queries find what they are for, and nothing where nothing is wrong.
func TestMonitoring(t *testing.T) {
	s := openWith(t, nil)
	queries := documented(t, "SELECT")
	if len(queries) != 3 {
		t.Fatalf("%d queries", len(queries))
	}
	ask := func(i int) (rows [][]any) {
		t.Helper()
		q := strings.NewReplacer(" wallet.", " "+pgx.Identifier{s.opts.Schema}.Sanitize()+".").Replace(queries[i])
		found := must(s.pool.Query(ctx, q))
		for found.Next() {
			rows = append(rows, must(found.Values()))
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	story(t, s)
	id := create(t, s, "bob", 10)
	if rows := ask(2); len(rows) != 0 {
		t.Errorf("faults: %v", rows)
	}
	before := ask(1)[0][0].(int64)
	must(engine.New(s, nil).TopUp(ctx, id, wallet.TopUp{Granted: dollar, ExpiresIn: time.Microsecond}))
	if rows := ask(1); rows[0][0].(int64) != before+1 {
		t.Errorf("overdue: %v, before: %d", rows, before)
	}
	must(s.pool.Exec(ctx, s.names.in("UPDATE {state} SET spendable = spendable + 1 WHERE customer = 'bob'")))
	if rows := ask(2); len(rows) != 1 || rows[0][0] != "bob" {
		t.Errorf("faults: %v, want one", rows)
	}
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	must(tx.Exec(ctx, s.names.in("SELECT FROM {customer} WHERE customer = 'bob' FOR UPDATE")))
	waiter := make(chan error)
	go func() { waiter <- debit(s, id, "") }()
	for len(ask(0)) == 0 {
		runtime.Gosched()
	}
	tx.Rollback(ctx)
	<-waiter // it has met a balance that does not add up, or not
}

// The tables refuse what must never be, whoever writes it.
func TestChecks(t *testing.T) {
	s := openWith(t, nil)
	create(t, s, "ann", 10)
	bob := create(t, s, "bob", 10)
	for range 2 { // the wallet is hot from now on
		if err := debit(s, bob, "k"+spendable(t, s, bob)); err != nil {
			t.Fatal(err)
		}
	}
	var bad []string
	for table, columns := range map[string][]string{
		"state":       {"spendable", "held", "pending", "ongoing", "consumed", "kept", "remaining", "hot_held"},
		"customer":    {"spendable", "consumed", "remaining", "hot_held"},
		"lot":         {"credits", "remaining", "held"},
		"transaction": {"credits", "money", "balance"},
		"record":      {"rate", "min_paid", "max_paid"},
	} {
		for _, c := range columns {
			for _, v := range []string{"NaN", "-0.000000000001", "1000000000000000000", "-1"} {
				bad = append(bad, fmt.Sprintf("UPDATE {%s} SET %s = '%s'", table, c, v))
			}
		}
	}
	bad = append(bad,
		"UPDATE {state} SET hot_held = remaining + 1", "UPDATE {customer} SET hot_held = remaining + 1",
		"UPDATE {lot} SET held = remaining + 1", "UPDATE {lot} SET remaining = credits + 1", "UPDATE {lot} SET remaining = 0", "UPDATE {transaction} SET credits = 0",
		"UPDATE {transaction} SET lot = NULL WHERE kind = 'consumed'",
		"UPDATE {transaction} SET failed = settled", "UPDATE {transaction} SET settled = NULL WHERE kind = 'consumed'",
		"UPDATE {record} SET rate = 0", "UPDATE {record} SET status = 'gone'", "UPDATE {record} SET priority = 256",
		"INSERT INTO {key} SELECT * FROM {key}", "INSERT INTO {transaction} SELECT * FROM {transaction}")
	for _, sql := range bad {
		if _, err := s.pool.Exec(ctx, s.names.in(sql)); !strings.HasPrefix(codeOf(err), "23") {
			t.Errorf("%s: %v, want that it is refused", sql, err)
		}
	}
}
