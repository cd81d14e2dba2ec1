package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

type bench struct {
	Store   []string      `placeholder:"NAME,…" help:"Stores to measure: memory, sqlite, postgres. Default: memory and sqlite, and postgres with --dsn."`
	Command []string      `default:"debit,charge,topup" enum:"debit,charge,topup" placeholder:"NAME,…" help:"Commands to measure (default: ${default}). A charge pays three fees from three wallets."`
	Wallets []int         `default:"1,1000,100000" placeholder:"N,…" help:"Over how many wallets (default: ${default}). Of one, everybody wants the same."`
	Callers []int         `default:"1,8,64,512" placeholder:"N,…" help:"By how many callers at once (default: ${default})."`
	For     time.Duration `default:"500ms" placeholder:"DURATION" help:"How long each is measured (default: ${default})."`
	Dir     string        `default:"." type:"existingdir" placeholder:"DIR" help:"Directory on the disk to measure; what is written there is removed. Default: the current one."`
	DSN     string        `name:"dsn" placeholder:"DSN" help:"Postgres database to measure, in new schemas, which are removed."`
	SVG     string        `name:"svg" placeholder:"FILE.svg" help:"Draw the chart into a file, too."`
}

func (bench) Help() string {
	return `Measures the engine on this machine: every command, by so many callers, over so many wallets, on each store. Every commit is durable before a caller is told; callers share commits, so that many get far more done than one.

Beside it, in the same run, it measures the raw limit of the disk: a loop that overwrites 4 KB and syncs (fdatasync, where there is one). That is what one durable commit after the other costs without any database; × raw compares with it. CPU is the processor time of this process for each command, without that of a Postgres server. Log is what SQLite's or Postgres' write-ahead log grew by for each command; a server's has what others write meanwhile, too.

Examples:

  wallet bench                                        all of it, in one or two minutes
  wallet bench --store sqlite --dir /srv/data         only SQLite, on another disk
  wallet bench --command debit --wallets 1,1000       a few cells,
      --callers 64 --for 3s                           for longer
  wallet bench --dsn postgres://me@localhost/test     Postgres beside them
  wallet bench --svg bench.svg                        with a chart to show around`
}

// check refuses flags that make no sense, and sets what depends on others.
func (b *bench) check() error {
	if len(b.Store) == 0 {
		b.Store = []string{"memory", "sqlite"}
		if b.DSN != "" {
			b.Store = append(b.Store, "postgres")
		}
	}
	for _, s := range b.Store {
		switch {
		case subjects[s] == nil:
			return fmt.Errorf("--store %s: there are memory, sqlite and postgres", s)
		case s == "postgres" && b.DSN == "":
			return errors.New("--store postgres needs --dsn")
		}
	}
	if b.DSN != "" && !slices.Contains(b.Store, "postgres") {
		return errors.New("--dsn goes with --store postgres")
	}
	const mostWallets, mostCallers, longest = 1_000_000, 10_000, 10 * time.Second
	for _, n := range b.Wallets {
		if n < 1 || n > mostWallets {
			return fmt.Errorf("--wallets %d: from 1 to %s, please", n, number(mostWallets))
		}
	}
	for _, n := range b.Callers {
		if n < 1 || n > mostCallers {
			return fmt.Errorf("--callers %d: from 1 to %s, please", n, number(mostCallers))
		}
	}
	if b.For <= 0 || b.For > longest {
		return fmt.Errorf("--for %v: more than 0 and at most %v, please", b.For, longest)
	}
	if b.SVG != "" {
		if _, err := os.Stat(filepath.Dir(b.SVG)); err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
	}
	for _, list := range []*[]string{&b.Store, &b.Command} {
		*list = once(*list)
	}
	for _, list := range []*[]int{&b.Wallets, &b.Callers} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return nil
}

// once drops what a list has twice.
func once(list []string) (all []string) {
	for _, s := range list {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func (b bench) Run(ctx context.Context) (err error) {
	if err := b.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.Dir, "wallet-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	all := len(b.Store) * len(b.Wallets) * len(b.Command) * len(b.Callers)
	fmt.Printf("%s on %s/%s, %s, %s, %v each\n", count(all, "measurements"), runtime.GOOS, runtime.GOARCH,
		count(runtime.GOMAXPROCS(0), "processors"), runtime.Version(), b.For)
	r := &results{bench: b}
	failure := r.measure(ctx, dir, newStatus(all))
	if ctx.Err() != nil {
		failure = fmt.Errorf("interrupted after %s", count(len(r.cells), "measurements"))
	}
	if len(r.cells) > 0 {
		r.table(os.Stdout)
		r.bars(os.Stdout)
		if b.SVG != "" {
			failure = errors.Join(failure, os.WriteFile(b.SVG, r.svg(), 0o666))
		}
	}
	return failure
}

// A cell is one measurement.
type cell struct {
	store, command   string
	wallets, callers int

	rate     float64       // commands a second
	cpu      time.Duration // of this process for each; 0: not known
	log      float64       // bytes that the log has grown by for each; negative: there is none
	p50, p99 time.Duration
}

// results are what was measured.
type results struct {
	bench bench
	cells []cell
	raws  []float64 // overwrites a second
}

// measure measures all cells, and the disk before, between and after them.
func (r *results) measure(ctx context.Context, dir string, say *status) error {
	defer say.done()
	raw := func() error {
		say.line(len(r.cells), "the disk")
		rate, err := rawRate(dir, min(r.bench.For, time.Second/2))
		r.raws = append(r.raws, rate)
		return cmp.Or(err, ctx.Err())
	}
	if err := raw(); err != nil {
		return err
	}
	for _, store := range r.bench.Store {
		for _, wallets := range r.bench.Wallets {
			if err := r.one(ctx, subjects[store](r.bench, dir), cell{store: store, wallets: wallets}, say); err != nil {
				return err
			}
			if err := raw(); err != nil {
				return err
			}
		}
	}
	return nil
}

// one measures a store with so many wallets in it.
func (r *results) one(ctx context.Context, s subject, c cell, say *status) (err error) {
	what := fmt.Sprintf("%s, %s", c.store, count(c.wallets, "wallets"))
	say.line(len(r.cells), what)
	runtime.GC() // of what was measured before
	kept, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close(), s.remove()) }()
	load, err := newLoad(ctx, kept, c.wallets)
	if err != nil {
		return err
	}
	for _, c.command = range r.bench.Command {
		for _, c.callers = range r.bench.Callers {
			say.line(len(r.cells), fmt.Sprintf("%s, %s by %s", what, c.command, count(c.callers, "callers")))
			if err := load.measure(ctx, s, &c, r.bench.For); err != nil {
				return err
			}
			r.cells = append(r.cells, c)
		}
	}
	return nil
}

// raw is the median of what the disk did.
func (r *results) raw() float64 {
	sorted := slices.Sorted(slices.Values(r.raws))
	return sorted[len(sorted)/2]
}
