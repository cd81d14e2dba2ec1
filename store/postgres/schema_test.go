package postgres

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

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
	must(pool.Exec(ctx, strings.NewReplacer(" wallet.", " least.", "SCHEMA wallet ", "SCHEMA least ").Replace(grants(t)), pgx.QueryExecModeSimpleProtocol))
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
	eng := engine.New(s, nil)
	id := create(t, s, "ann", 10)
	bought, err := eng.TopUp(ctx, id, wallet.TopUp{Paid: dollar, Granted: dollar})
	if err == nil {
		_, err = eng.Settle(ctx, bought[0].ID, wallet.Settlement{})
	}
	hold, err2 := eng.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: wallet.MustAmount("2")})
	_, err3 := eng.Capture(ctx, hold.ID, wallet.Capture{Credits: dollar})
	_, err4 := eng.Update(ctx, id, wallet.Changes{Name: wallet.Set("n")})
	err5 := debit(s, id, "k")
	_, err6 := eng.Void(ctx, id, wallet.Void{Credits: dollar})
	_, err7 := eng.Tick(ctx)
	_, err8 := eng.Terminate(ctx, id)
	if err := errors.Join(err, err2, err3, err4, err5, err6, err7, err8); err != nil {
		t.Fatal(err)
	}
	audit(t, s, id)
}

//go:embed doc.go
var documentation string

// grants returns the statements that the package's documentation has for an application's role.
func grants(t *testing.T) string {
	var lines []string
	for line := range strings.Lines(documentation) {
		if found := regexp.MustCompile(`^//\t(GRANT .*;)$`).FindStringSubmatch(strings.TrimRight(line, "\n")); found != nil {
			lines = append(lines, found[1])
		}
	}
	if len(lines) == 0 {
		t.Fatal("there are none")
	}
	return strings.Join(lines, "\n")
}

// The tables refuse what must never be, whoever writes it.
func TestChecks(t *testing.T) {
	s := openWith(t, nil)
	create(t, s, "ann", 10)
	if err := debit(s, create(t, s, "bob", 10), "k"); err != nil {
		t.Fatal(err)
	}
	var bad []string
	for table, columns := range map[string][]string{
		"state":       {"spendable", "held", "pending", "ongoing", "consumed", "kept", "remaining", "hot_held"},
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
		"UPDATE {state} SET hot_held = remaining + 1", "UPDATE {state} SET remaining = 0", "UPDATE {transaction} SET event = NULL",
		"UPDATE {lot} SET held = remaining + 1", "UPDATE {lot} SET remaining = credits + 1", "UPDATE {lot} SET remaining = 0", "UPDATE {transaction} SET credits = 0",
		"UPDATE {transaction} SET state = 'pending' WHERE kind = 'consumed'", "UPDATE {transaction} SET lot = NULL WHERE kind = 'consumed'",
		"UPDATE {transaction} SET settled = NULL", "UPDATE {record} SET rate = 0", "UPDATE {record} SET status = 'gone'", "UPDATE {record} SET priority = 256",
		"INSERT INTO {customer} VALUES ('')", "INSERT INTO {key} SELECT * FROM {key}", "INSERT INTO {transaction} SELECT * FROM {transaction}")
	for _, sql := range bad {
		if _, err := s.pool.Exec(ctx, s.names.in(sql)); !strings.HasPrefix(codeOf(err), "23") {
			t.Errorf("%s: %v, want that it is refused", sql, err)
		}
	}
}
