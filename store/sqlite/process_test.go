package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestMain lets the test binary be another process: one that opens a file, creates or finds a customer's wallet and debits it
// until it is told to stop or is killed, writing the key of every debit that it was told has succeeded.
func TestMain(m *testing.M) {
	path := os.Getenv("SQLITE_TEST_PATH")
	if path == "" {
		os.Exit(m.Run())
	}
	customer := wallet.CustomerID(os.Getenv("SQLITE_TEST_CUSTOMER"))
	run := func() error { return another(path, customer) }
	if name := os.Getenv("SQLITE_TEST_ROLE"); name != "" {
		run = func() error { return role(path, name, customer) }
	}
	if err := run(); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func another(path string, customer wallet.CustomerID) error {
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	id, err := create(s, customer)
	if err != nil {
		return err
	}
	if _, err := doGrant(s, id, "1000000"); err != nil {
		return err
	}
	fmt.Println("wallet:", id)
	ctx, stop := context.WithCancel(context.Background())
	go func() { // until the input ends
		bufio.NewReader(os.Stdin).ReadString('\n')
		stop()
	}()
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for caller := range 4 {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%s-%d-%06d", customer, caller, i)
				_, err := doDebit(s, id, "0.5", key)
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, err)
					stop()
				} else {
					fmt.Println("done:", key)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return errors.Join(failed, s.Close())
}

// A process is another one.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
	stdin interface{ Close() error }
	id    wallet.ID
	keys  []string // of debits that succeeded
}

func begun(t *testing.T, path, customer string) *process {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITE_TEST_PATH="+path, "SQLITE_TEST_CUSTOMER="+customer)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return &process{Cmd: cmd, lines: bufio.NewScanner(stdout), stdin: stdin}
}

// next reads a line, and reports whether there was one.
func (p *process) next(t *testing.T) bool {
	if !p.lines.Scan() {
		return false
	}
	switch what, of, _ := strings.Cut(p.lines.Text(), ": "); what {
	case "wallet":
		p.id = must(wallet.ParseID(of))
	case "done":
		p.keys = append(p.keys, of)
	default:
		t.Error(p.lines.Text())
	}
	return true
}

// check checks that what the process was told of is there, and what it was not told of at most once for each caller.
func (p *process) check(t *testing.T, s *Store) {
	t.Helper()
	audit(t, s, p.id)
	var n int
	if err := s.View(ctx, func(r store.Reader) (err error) {
		w, err := r.Wallet(p.id)
		if err != nil {
			return err
		}
		for _, key := range p.keys {
			if _, ok, err := r.Outcome(w.Customer, key); !ok || err != nil {
				t.Errorf("%s succeeded, but: %t, %v", key, ok, err)
			}
		}
		n, err = r.CountTransactions(wallet.TransactionQuery{Wallet: p.id, Kinds: []wallet.Kind{wallet.Consumed}})
		return err
	}); err != nil {
		t.Error(err)
	}
	if n < len(p.keys) || n > len(p.keys)+4 {
		t.Errorf("%d debits there, %d reported", n, len(p.keys))
	}
}

// Several processes open, migrate and write one file: nobody meets an error, and nobody starves.
func TestProcesses(t *testing.T) {
	const enough = 300
	path := filepath.Join(t.TempDir(), "wallets.db")
	processes := []*process{begun(t, path, "ann"), begun(t, path, "bob")}
	var group sync.WaitGroup
	var mu sync.Mutex
	ready := 0
	for _, p := range processes {
		group.Go(func() {
			for p.next(t) {
				if len(p.keys) == enough {
					mu.Lock()
					if ready++; ready == len(processes) { // however long the slower one takes
						for _, p := range processes {
							p.stdin.Close()
						}
					}
					mu.Unlock()
				}
			}
			if err := p.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s := openFile(t, path)
	for _, p := range processes {
		p.check(t, s)
	}
	a, b := len(processes[0].keys), len(processes[1].keys)
	t.Logf("%d and %d debits: the lesser share is %.0f %%", a, b, 100*float64(min(a, b))/float64(a+b))
	if a < enough || b < enough || a > 10*b || b > 10*a {
		t.Errorf("%d and %d debits", a, b)
	}
}

// What a killed process was told has succeeded is there.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	s := openFile(t, path)
	for round := range 5 {
		p := begun(t, path, fmt.Sprint("customer", round))
		for p.next(t) && len(p.keys) < 50+17*round {
		}
		p.Process.Kill()
		for p.next(t) { // what it still had said
		}
		p.Wait()
		p.check(t, s)
		must(doDebit(s, p.id, "1", ""))
		audit(t, s, p.id)
	}
}

// Stores that open one new file at once migrate it once.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			s, err := Open(path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			id := must(create(s, wallet.CustomerID(fmt.Sprint(i))))
			must(doGrant(s, id, "1"))
		})
	}
	group.Wait()
}
