// Command wallet shows prepaid credits at work: a story to read, a real usage log burnt down row by row, and
// an HTTP API with a page to look at.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/seed-12493b23/wallet/store/sqlite"
)

type cli struct {
	Demo   demo   `cmd:"" help:"Tell the life of a customer's credits, step by step, on a SQLite file."`
	Replay replay `cmd:"" help:"Charge a usage log (CSV) to a wallet, row by row, and show how its credits burn down."`
	Serve  serve  `cmd:"" help:"Serve the HTTP API, and a page to look at wallets, on a SQLite file."`
}

const description = `Prepaid credits at work: wallets, top-ups, charges, expiry, and an audit trail that adds up.

Start with "wallet demo"; then try your own usage with "wallet replay", or run "wallet serve".`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k := kong.Parse(new(cli), kong.Name("wallet"), kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

// database is the flag of every command that writes one.
type database struct {
	DB string `name:"db" placeholder:"FILE" help:"SQLite file to write; it must be new or empty. Default: a new one in the temporary directory."`
}

// create opens a new store, and says where it is. It never touches a file with something in it.
func (d database) create(command string) (s *sqlite.Store, path string, err error) {
	if path = d.DB; path == "" {
		f, err := os.CreateTemp("", "wallet-"+command+"-*.db")
		if err != nil {
			return nil, "", err
		}
		path = f.Name()
		if err := f.Close(); err != nil {
			return nil, "", err
		}
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() > 0:
		return nil, "", fmt.Errorf("--db %s is not empty; name a new file", path)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, "", err
	}
	s, err = sqlite.Open(path, nil)
	return s, path, err
}
