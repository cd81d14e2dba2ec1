package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

type replay struct {
	Usage    string          `required:"" placeholder:"FILE.csv" type:"existingfile" help:"The usage log: comma-separated, with a header."`
	Time     string          `required:"" placeholder:"COLUMN" help:"Column of the row's time: RFC 3339, 2006-01-02 15:04:05.999 (UTC), or Unix time in seconds or (from 10^11 on) milliseconds."`
	Price    []price         `required:"" sep:"none" placeholder:"COLUMN=MONEY" help:"What each unit in a column costs. Repeat it for more columns; a row costs their sum."`
	Granted  wallet.Amount   `default:"0" placeholder:"N" help:"Free credits the wallet begins with. They are spent first."`
	Paid     wallet.Amount   `default:"0" placeholder:"N" help:"Credits bought, and paid, at the beginning."`
	Rate     wallet.Amount   `default:"1" placeholder:"MONEY" help:"What one credit is worth (default: ${default})."`
	Currency wallet.Currency `default:"USD" placeholder:"CODE" help:"ISO 4217 code of all money (default: ${default})."`
	Expires  expiry          `placeholder:"DURATION|TIME" help:"When the credits expire: so long after the beginning (36h, 90d), or at a time. Default: never."`
	fresh
}

func (replay) Help() string {
	return `A wallet is opened one microsecond before the first row. Each row is then charged at its own time, in order of time, each in a commit of its own. A row the credits cannot cover is covered as far as they go, down to a cent; the rest is uncovered. Amounts are exact decimals. A file with a row that cannot be read is refused, with all such lines, before anything is charged.

Examples:

  wallet replay --usage tokens.csv --time TIMESTAMP --granted 20 --paid 30 \
      --price ContextTokens=0.000003 --price GeneratedTokens=0.000015

  wallet replay --usage calls.csv --time at --price calls=0.25 \
      --rate 0.5 --granted 100 --expires 30d --db calls.db`
}

func (r replay) Run(ctx context.Context) error {
	if r.Granted.Sign() <= 0 && r.Paid.Sign() <= 0 {
		return errors.New("there is nothing to burn: give --granted, --paid or both")
	}
	file, err := os.Open(r.Usage)
	if err != nil {
		return err
	}
	defer file.Close()
	log, err := readUsage(file, r.Usage, r.Time, r.Price)
	if err != nil {
		return err
	}

	place, err := r.make("replay")
	if err != nil {
		return err
	}
	db, err := place.open(ctx)
	if err != nil {
		return err
	}
	b := burn{rows: log.rows, name: r.Usage}
	b.eng = engine.New(db, &engine.Options{Now: b.clock})
	err = b.run(ctx, r)
	if err := errors.Join(err, db.Close()); err != nil {
		if len(b.receipts) == 0 {
			return err
		}
		return fmt.Errorf("%w\nwhat was charged is in %s", err, place)
	}

	// What follows is read back from the database, by a store that knows nothing else.
	if db, err = place.open(ctx); err != nil {
		return err
	}
	book, err := readLedger(ctx, b.eng.With(db), b.wallet)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return report{replay: r, usage: log, burn: &b, book: &book, place: place}.print(os.Stdout)
}

// A burn charges the rows of a usage log to one wallet.
type burn struct {
	name     string // of the log
	rows     []row
	eng      *engine.Engine
	now      time.Time
	wallet   wallet.ID
	receipts []receipt // one per row
}

// A receipt is what the engine said when a row was charged.
type receipt struct {
	id                 wallet.TransactionID // zero if nothing was covered
	covered, uncovered wallet.Amount
	after              wallet.Amount // the balance, if something was
}

func (b *burn) clock() time.Time { return b.now }

func (b *burn) run(ctx context.Context, r replay) error {
	if err := b.open(ctx, r); err != nil {
		return err
	}
	bar := newBar(len(b.rows))
	for i, row := range b.rows {
		b.now = row.at
		got, err := b.charge(ctx, row, r.Currency)
		if err != nil {
			return fmt.Errorf("%s:%d: after %s: %w", b.name, row.line, count(i, "rows"), err)
		}
		b.receipts = append(b.receipts, got)
		bar.step(i + 1)
	}
	bar.done()
	return nil
}

// open opens the wallet just before the first row, with its credits settled.
func (b *burn) open(ctx context.Context, r replay) error {
	b.now = b.rows[0].at.Add(-time.Microsecond)
	w, err := b.eng.Create(ctx, wallet.Spec{Customer: "replay", Currency: r.Currency, Rate: r.Rate, Name: "Replay"})
	if err != nil {
		return err
	}
	b.wallet = w.ID
	top := wallet.TopUp{Granted: r.Granted, Paid: r.Paid, ExpiresIn: r.Expires.in, ExpiresAt: r.Expires.at}
	added, err := b.eng.TopUp(ctx, w.ID, top)
	if err != nil || r.Paid.IsZero() {
		return err
	}
	_, err = b.eng.Settle(ctx, added[0].ID, wallet.Settlement{}) // the purchase comes first
	return err
}

func (b *burn) charge(ctx context.Context, row row, currency wallet.Currency) (receipt, error) {
	if row.price.IsZero() {
		return receipt{}, nil
	}
	got, err := b.eng.Charge(ctx, wallet.Charge{
		Customer: "replay", Currency: currency, Reference: "line " + strconv.Itoa(row.line),
		Fees: []wallet.Fee{{Type: wallet.FeeCharge, Amount: row.price}},
	})
	if err != nil {
		return receipt{}, err
	}
	out := receipt{covered: got.Covered, uncovered: got.Uncovered}
	for _, t := range got.Transactions { // at most one: there is one wallet
		out.id, out.after = t.ID, t.BalanceAfter
	}
	return out, nil
}

// expiry says when credits end: so long after they began, or at an instant. Zero is never.
type expiry struct {
	in time.Duration
	at time.Time
}

// UnmarshalText reads a duration, in days too, or what parseTime reads.
func (e *expiry) UnmarshalText(text []byte) (err error) {
	const day = 24 * time.Hour
	s := string(text)
	if days, found := strings.CutSuffix(s, "d"); found {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		e.in = time.Duration(n) * day
	} else {
		e.in, err = time.ParseDuration(s)
	}
	switch {
	case err == nil && e.in <= 0:
		return fmt.Errorf("%q is no time at all", s) // zero would be never
	case err == nil:
		return nil
	}
	if e.at, err = parseTime(s); err != nil {
		return fmt.Errorf("%q is neither a duration like 36h or 90d, nor a time", s)
	}
	return nil
}
