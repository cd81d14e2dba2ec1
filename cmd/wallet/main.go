// Command wallet shows prepaid credits at work: a story to read, a real usage log burnt down row by row, an
// HTTP API with a page to look at, and how much of it this machine does a second.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Demo   demo   `cmd:"" help:"Tell the life of a customer's credits, step by step, on a SQLite file or Postgres."`
	Replay replay `cmd:"" help:"Charge a usage log (CSV) to a wallet, row by row, and show how its credits burn down."`
	Serve  serve  `cmd:"" help:"Serve the HTTP API, and a page to look at wallets, on a SQLite file or Postgres."`
	Bench  bench  `cmd:"" help:"Measure what the engine does a second on this machine, beside the disk's own limit."`
}

const description = `Prepaid credits at work: wallets, top-ups, charges, expiry, and an audit trail that adds up.

Start with "wallet demo"; then try your own usage with "wallet replay", run "wallet serve", or see
with "wallet bench" how fast it is here.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k := kong.Parse(new(cli), kong.Name("wallet"), kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}
