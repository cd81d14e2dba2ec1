package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

const stormCustomers = 5

// A storm begins on the last day of a month, and ends just after that of a leap year.
var (
	stormStart = time.Date(2027, 1, 31, 10, 30, 0, 0, time.UTC)
	stormEnd   = time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC)
)

func init() { roles["storm"] = storm }

// storm ticks from several goroutines, each with a clock of its own that runs through a year in jumps.
func storm(_ *engine.Engine, s *Store, _ wallet.CustomerID) error {
	var group sync.WaitGroup
	failed := make([]error, 4)
	for i := range failed {
		group.Go(func() {
			now := stormStart
			e := engine.New(s, &engine.Options{Now: func() time.Time { return now }})
			for now.Before(stormEnd) {
				now = now.Add(rand.N(10 * 24 * time.Hour)).Truncate(time.Microsecond)
				if now.After(stormEnd) {
					now = stormEnd
				}
				_, err := e.Tick(ctx)
				if i == 0 { // and one looks
					_, err = wallet.Collect(e.Wallets(ctx, wallet.WalletQuery{Customer: wallet.CustomerID(fmt.Sprint("c", rand.N(stormCustomers)))}))
				}
				if err != nil {
					failed[i] = err
					return
				}
			}
		})
	}
	group.Wait()
	fmt.Println("done: storm")
	return errors.Join(failed...)
}

// Two processes tick all over a year of weekly, monthly and yearly rules: each occurrence happens once, at its own instant.
func TestStorm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	s := openFile(t, path)
	now := stormStart
	e := engine.New(s, &engine.Options{Now: func() time.Time { return now }})
	one := wallet.MustAmount("1")
	rule := func(p wallet.Period, from time.Time) wallet.Rule {
		return wallet.Rule{Trigger: wallet.TriggerInterval, Every: p, Granted: one, StartsAt: from, Name: fmt.Sprint(p, !from.IsZero())}
	}
	from := time.Date(2027, 2, 28, 0, 0, 0, 0, time.FixedZone("", -5*3600))
	var ids []wallet.ID
	for i := range stormCustomers {
		w := must(e.Create(ctx, wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("c", i)), Currency: "USD", Rate: one, Rules: []wallet.Rule{
			rule(wallet.Weekly, time.Time{}), rule(wallet.Monthly, time.Time{}), rule(wallet.Yearly, time.Time{}),
			rule(wallet.Weekly, from), rule(wallet.Monthly, from), rule(wallet.Yearly, from),
		}}))
		ids = append(ids, w.ID)
	}
	t.Setenv("SQLITE_TEST_ROLE", "storm")
	t.Setenv("TZ", "America/New_York") // where the processes are
	processes := []*process{begun(t, path, "c0"), begun(t, path, "c0")}
	for _, p := range processes {
		for p.next(t) {
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	}

	week := 7 * 24 * time.Hour
	want := map[string][]time.Time{
		"weeklyfalse": series(stormStart.Add(week), week), "weeklytrue": series(from.UTC(), week),
		"yearlyfalse": {stormStart.AddDate(1, 0, 0)}, "yearlytrue": {from.UTC(), from.UTC().AddDate(1, 0, 0)},
	}
	for month, day := range []int{28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29} { // from February 2027 on
		want["monthlytrue"] = append(want["monthlytrue"], time.Date(2027, time.Month(2+month), 28, 5, 0, 0, 0, time.UTC))
		want["monthlyfalse"] = append(want["monthlyfalse"], time.Date(2027, time.Month(2+month), day, 10, 30, 0, 0, time.UTC))
	}
	now = stormEnd
	for _, id := range ids {
		got := make(map[string][]time.Time)
		for tx, err := range e.Transactions(context.Background(), wallet.TransactionQuery{Wallet: id, OldestFirst: true}) {
			if err != nil {
				t.Fatal(err)
			}
			got[tx.Name] = append(got[tx.Name], tx.CreatedAt)
		}
		for name, instants := range want {
			if !slices.EqualFunc(got[name], instants, time.Time.Equal) {
				t.Errorf("%s:\n%v, want\n%v", name, got[name], instants)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d rules have fired, want %d", len(got), len(want))
		}
		audit(t, s, id)
	}
}

// series returns an instant, and those that come so long after each other, until the storm ends.
func series(at time.Time, d time.Duration) (all []time.Time) {
	for ; !at.After(stormEnd); at = at.Add(d) {
		all = append(all, at)
	}
	return all
}
