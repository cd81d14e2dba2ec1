package postgres

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet/store"
)

// A server is a cluster of the tests' own, on a socket in a directory that goes away with it; or one that the environment names.
type server struct {
	dsn string
	dir string // empty: not ours
	bin string
	cmd *exec.Cmd
	own []string // settings

	guard *exec.Cmd // ends the server if the tests cannot
}

// shared is the server of all tests that do not harm theirs.
var shared struct {
	sync.Once
	*server
	err error
}

func TestMain(m *testing.M) {
	if dsn := os.Getenv("WALLET_TEST_PROCESS"); dsn != "" {
		os.Exit(process(dsn))
	}
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "storetest.checks" })
	if !given { // reads take three trips to a server
		flag.Set("storetest.checks", "8")
	}
	code := m.Run()
	if shared.server != nil {
		shared.stop()
	}
	os.Exit(code)
}

// serve returns the shared server. Without one the test is skipped, but fails where nothing may be skipped.
func serve(tb testing.TB) *server {
	tb.Helper()
	shared.Do(func() {
		if dsn := os.Getenv("WALLET_TEST_POSTGRES"); dsn != "" {
			shared.server = &server{dsn: dsn}
			return
		}
		shared.server, shared.err = startServer("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0") // nobody kills it
	})
	missing(tb, shared.err)
	return shared.server
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatal(err)
	default:
		tb.Skip(err)
	}
}

// ownServer returns a server that the test may do anything to.
func ownServer(tb testing.TB, settings ...string) *server {
	tb.Helper()
	s, err := startServer(settings...)
	missing(tb, err)
	tb.Cleanup(s.stop)
	return s
}

// binaries returns the directory of the newest server found.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		return "", errors.New("no Postgres server: install one (Debian: apt-get install postgresql), put its initdb on the PATH, or name a database in WALLET_TEST_POSTGRES")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func startServer(settings ...string) (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "wallet-postgres-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, bin: bin, own: settings, dsn: fmt.Sprintf("host=%s user=postgres dbname=postgres", dir)}
	if err := handOver(dir); err != nil {
		return nil, err
	}
	init := s.command("initdb", "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, s.start()
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = another()
	return cmd
}

// with returns the DSN with another parameter.
func (s *server) with(parameter string) string {
	switch {
	case !strings.Contains(s.dsn, "://"):
		return s.dsn + " " + parameter
	case strings.Contains(s.dsn, "?"):
		return s.dsn + "&" + parameter
	}
	return s.dsn + "?" + parameter
}

// start starts the server and waits until it takes connections.
func (s *server) start() error {
	args := []string{"-D", s.dir + "/data", "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "autovacuum=off"}
	for _, setting := range s.own {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command("postgres", args...)
	log, err := os.OpenFile(s.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stderr, s.cmd.Stdout = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.guard = s.command("/bin/sh", "-c", `read _; kill -INT "$1"; rm -rf "$2"`, "sh", strconv.Itoa(s.cmd.Process.Pid), s.dir)
	if _, err := s.guard.StdinPipe(); err != nil { // closed when this process ends
		return err
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	for range 600 {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(context.Background(), s.dsn); err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the server does not start: %w", err)
}

// halt ends the server by a signal: SIGINT ends its sessions, SIGQUIT is like a crash.
func (s *server) halt(by syscall.Signal) {
	s.guard.Process.Kill()
	s.guard.Wait()
	s.cmd.Process.Signal(by)
	s.cmd.Wait()
}

func (s *server) stop() {
	if s.dir != "" {
		s.halt(syscall.SIGINT)
		os.RemoveAll(s.dir)
	}
}

// rooms are schemas to be used again, and their pool.
var rooms struct {
	sync.Mutex
	pool *pgxpool.Pool
	free []room
	n    int
}

type room struct{ schema string }

// emptied are the tables, but the version's.
const emptied = `TRUNCATE {customer}, {record}, {state}, {lot}, {transaction}, {drawn}, {key}, {hold}, {event}`

// open returns a new, empty store.
func open(tb testing.TB) store.Store { return openWith(tb, nil) }

func openWith(tb testing.TB, opts *Options) *Store {
	tb.Helper()
	server := serve(tb)
	rooms.Lock()
	if rooms.pool == nil {
		rooms.pool = must(pgxpool.New(context.Background(), server.with("pool_max_conns=24")))
	}
	if len(rooms.free) == 0 {
		rooms.n++
		rooms.free = append(rooms.free, room{fmt.Sprintf("test %d of %d", rooms.n, os.Getpid())})
	}
	r := rooms.free[len(rooms.free)-1]
	rooms.free = rooms.free[:len(rooms.free)-1]
	rooms.Unlock()
	o := *opts.orDefault()
	o.Schema = r.schema
	s, err := New(context.Background(), rooms.pool, &o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Close()
		if _, err := rooms.pool.Exec(context.Background(), s.names.in(emptied), pgx.QueryExecModeSimpleProtocol); err != nil {
			tb.Error(err)
			return
		}
		rooms.Lock()
		rooms.free = append(rooms.free, r)
		rooms.Unlock()
	})
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
