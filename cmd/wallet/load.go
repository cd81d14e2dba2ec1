package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// A load is work for an engine: customers with three wallets each, one for each type of fee, who spend and top up. It is what
// storetest.Benchmark does, without package testing.
type load struct {
	eng       *engine.Engine
	customers []wallet.CustomerID
	wallets   []wallet.ID
	keys      atomic.Int64
}

var (
	one      = wallet.MustAmount("1")
	little   = wallet.MustAmount("0.25")
	riches   = wallet.MustAmount("5000000")
	feeTypes = []wallet.FeeType{"a", "b", "c"}
)

// newLoad makes the wallets, and as many more as the last customer needs.
func newLoad(ctx context.Context, s store.Store, wallets int) (*load, error) {
	l := &load{eng: engine.New(s, nil)}
	for i := range (wallets + len(feeTypes) - 1) / len(feeTypes) {
		l.customers = append(l.customers, wallet.CustomerID(fmt.Sprintf("customer-%07d", i)))
	}
	l.wallets = make([]wallet.ID, len(l.customers)*len(feeTypes))
	var next atomic.Int64
	err := together(256, func() error {
		for i := next.Add(1) - 1; i < int64(len(l.wallets)); i = next.Add(1) - 1 {
			w, err := l.eng.Create(ctx, wallet.Spec{
				Customer: l.customers[i/3], Currency: "USD", Rate: one, TopUp: wallet.TopUp{Granted: riches},
				AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{feeTypes[i%3]}},
			})
			if err != nil {
				return err
			}
			l.wallets[i] = w.ID
		}
		return nil
	})
	l.wallets = l.wallets[:wallets]
	return l, err
}

// together runs do n times at once, and returns the first error.
func together(n int, do func() error) error {
	var group sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		group.Go(func() {
			if err := do(); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	close(failed)
	return <-failed
}

// key returns a key that nobody has used, behind those of before, as one that begins with the time.
func (l *load) key() string { return "order-" + strconv.FormatInt(1e12+l.keys.Add(1), 10) }

// do is one command.
func (l *load) do(ctx context.Context, command string) (err error) {
	switch i := rand.IntN(len(l.wallets)); command {
	case "debit":
		_, err = l.eng.Debit(ctx, l.wallets[i], wallet.Debit{Credits: little, Fee: wallet.Fee{Type: feeTypes[i%3]}, Key: l.key()})
	case "charge":
		c := wallet.Charge{Customer: l.customers[i/3], Currency: "USD", Whole: true, Key: l.key(), Fees: make([]wallet.Fee, len(feeTypes))}
		for i, t := range feeTypes {
			c.Fees[i] = wallet.Fee{ID: string(t), Type: t, Amount: little}
		}
		_, err = l.eng.Charge(ctx, c)
	case "topup":
		_, err = l.eng.TopUp(ctx, l.wallets[i], wallet.TopUp{Granted: little, Key: l.key()})
	}
	return err
}

// measure fills in a cell. What the log takes is seen while warming up.
func (l *load) measure(ctx context.Context, s subject, c *cell, span time.Duration) error {
	n := 0
	grown, err := s.logged(ctx, func() error {
		took, err := l.run(ctx, c, span/4)
		n = len(took)
		return err
	})
	if err != nil {
		return err
	}
	c.log = float64(grown) / float64(n)

	cpu, start := processorTime(), time.Now()
	took, err := l.run(ctx, c, span)
	elapsed := time.Since(start)
	if err != nil {
		return err
	}
	slices.Sort(took)
	c.rate = float64(len(took)) / elapsed.Seconds()
	c.cpu = (processorTime() - cpu) / time.Duration(len(took))
	c.p50, c.p99 = took[len(took)/2], took[len(took)*99/100]
	return nil
}

// run repeats a command for so long, and returns how long each took.
func (l *load) run(ctx context.Context, c *cell, span time.Duration) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	end := time.Now().Add(span)
	err := together(c.callers, func() error {
		var mine []time.Duration
		for now := time.Now(); ; { // at least once
			if err := l.do(ctx, c.command); err != nil {
				return err
			}
			was := now
			now = time.Now()
			mine = append(mine, now.Sub(was))
			if !now.Before(end) {
				break
			}
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, mine...)
		return nil
	})
	return took, err
}
