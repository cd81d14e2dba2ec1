package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A cluster is a Postgres server of the tests' own, on a socket in a directory that goes away with it; or one that the
// environment names.
type cluster struct {
	sync.Once
	dsn   string
	err   error
	leave io.Closer // to be closed when it is no longer needed, or when this process ends
	cmd   *exec.Cmd
}

var postgresServer cluster

// postgresDSN names a database. Without a server the test is skipped, but fails where nothing may be skipped.
func postgresDSN(t *testing.T) string {
	t.Helper()
	c := &postgresServer
	c.Do(func() {
		if c.dsn = os.Getenv("WALLET_TEST_POSTGRES"); c.dsn == "" {
			c.err = c.start()
		}
	})
	if c.err != nil {
		missing(t, "Postgres server: "+c.err.Error())
	}
	return c.dsn
}

// serverScript starts a server, says so, and stops it when its input ends.
const serverScript = `set -e
trap '' INT PIPE # it ends when its input does, however the tests end
"$1/initdb" -D "$2/data" -U postgres -A trust -N -E UTF8 --locale=C >"$2/initdb"
"$1/pg_ctl" -D "$2/data" -w -l "$2/log" -o "-k $2 -c listen_addresses= -c fsync=off" start >"$2/start" || { cat "$2/log"; exit 1; }
echo ready || true
read _ || true
"$1/pg_ctl" -D "$2/data" -m immediate stop >"$2/stop"
rm -rf "$2"`

func (c *cluster) start() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		return errors.New("install one (Debian: apt-get install postgresql), or name a database in WALLET_TEST_POSTGRES")
	}
	dir, err := os.MkdirTemp("", "wallet-postgres-")
	if err != nil {
		return err
	}
	run, args := "/bin/sh", []string{"-c", serverScript}
	if u, err := user.Lookup("postgres"); err == nil && os.Getuid() == 0 { // root may not run a server
		uid, _ := strconv.Atoi(u.Uid)
		if err := os.Chown(dir, uid, -1); err != nil {
			return err
		}
		run, args = "su", []string{"-s", "/bin/sh", "-c", serverScript, "postgres"}
	}
	c.cmd = exec.Command(run, append(args, "sh", filepath.Dir(found[len(found)-1]), dir)...)
	c.cmd.Dir = dir
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.leave = in
	if err := c.cmd.Start(); err != nil {
		return err
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "ready\n" {
		return fmt.Errorf("it does not start: %s %w", said, err)
	}
	c.dsn = fmt.Sprintf("host=%s user=postgres dbname=postgres", dir)
	return nil
}

func (c *cluster) stop() {
	if c.leave != nil {
		c.leave.Close()
		c.cmd.Wait()
	}
}

// dropSchema removes what a test has made.
func dropSchema(t *testing.T, dsn, name string) {
	t.Helper()
	check(t, schema{dsn, name}.drop(t.Context()))
}

// The demo and the replay tell the same on Postgres as on SQLite, to the last digit.
func TestSameOnPostgres(t *testing.T) {
	dsn := postgresDSN(t)
	place := regexp.MustCompile(`schema (wallet_\w+) of the Postgres database \w+`)
	for name, args := range map[string][]string{
		"demo": {"demo"},
		"replay": {"replay", "--usage", "testdata/usage.csv", "--time", "time", "--price", "prompt=0.000003", "--price", "answer=0.000015",
			"--granted", "2", "--paid", "3", "--rate", "0.3", "--expires", "4h"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, ok := command(t, append(args, "--dsn", dsn)...)
			if !ok {
				t.Fatal(stderr)
			}
			where := place.FindStringSubmatch(stdout)
			if where == nil {
				t.Fatal("it does not say where it is:", stdout)
			}
			dropSchema(t, dsn, where[1])
			golden(t, "testdata/"+name+".txt", strings.Replace(stdout, where[0], name+".db", 1))
		})
	}
}

// What was served from Postgres is there again.
func TestServeOnPostgres(t *testing.T) {
	dsn := postgresDSN(t)
	place := newSchema(dsn, "test")
	args := []string{"--dsn", dsn, "--schema", place.name}
	s := startServe(t, args...)
	defer dropSchema(t, dsn, place.name)
	const api = "/v1/commerce/billing"
	status, made := s.ask("POST", api+"/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"1","granted_credits":"5"}`)
	if status != 200 || !strings.Contains(made, `"available_credits":"5.0"`) {
		t.Error(status, made)
	}
	if status, body := s.ask("GET", "/healthz", ""); status != 200 || body != "ok\n" {
		t.Error(status, body)
	}
	s.stop()

	s = startServe(t, args...)
	if status, body := s.ask("GET", api+"/wallets", ""); status != 200 || !strings.Contains(body, `"external_customer_id":"acme"`) {
		t.Error(status, body)
	}
	s.stop()
}

func TestRefusalsOfPostgres(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "--db=FILE or --dsn=DSN"},
		{[]string{"serve", "--db", "x.db", "--dsn", "host=x"}, "--db and --dsn can't be used together"},
		{[]string{"demo", "--db", "x.db", "--dsn", "host=x"}, "--db and --dsn can't be used together"},
		{[]string{"serve", "--db", "x.db", "--schema", "x"}, "--schema goes with --dsn"},
		{[]string{"demo", "--dsn", "port=none"}, "--dsn: "},
		{[]string{"demo", "--dsn", "postgres://me:topsecret@127.0.0.1:1/x"}, "--dsn: "},
	} {
		_, stderr, ok := command(t, c.args...)
		if ok || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "topsecret") {
			t.Errorf("%v: succeeded: %t; no %q in: %s", c.args, ok, c.want, stderr)
		}
	}
}

// The benchmark measures Postgres in schemas of its own, which do not stay.
func TestBenchOnPostgres(t *testing.T) {
	dsn := postgresDSN(t)
	before := schemas(t, dsn, "wallet_bench_")
	stdout, stderr, ok := command(t, append(smallest, "--dsn", dsn, "--store", "postgres", "--dir", t.TempDir())...)
	if !ok {
		t.Fatal(stderr)
	}
	tableOf(t, stdout, "postgres")
	if after := schemas(t, dsn, "wallet_bench_"); len(after) != len(before) {
		t.Errorf("schemas %q are left, there were %q", after, before)
	}
}

// schemas are those whose names begin so.
func schemas(t *testing.T, dsn, prefix string) []string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	check(t, err)
	defer c.Close(t.Context())
	rows, err := c.Query(t.Context(), "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", prefix)
	check(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	return names
}
