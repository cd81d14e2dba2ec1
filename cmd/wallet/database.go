package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/postgres"
	"github.com/seed-12493b23/wallet/store/sqlite"
)

// A database holds a store's tables.
type database interface {
	fmt.Stringer // what it is, to be told: without a password
	open(context.Context) (keeper, error)
}

// A keeper is a store that is to be closed.
type keeper interface {
	store.Store
	Close() error
}

// A file is a SQLite database.
type file string

func (f file) String() string { return string(f) }

func (f file) open(context.Context) (keeper, error) {
	s, err := sqlite.Open(string(f), nil)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A schema of a Postgres database.
type schema struct{ dsn, name string }

func (s schema) String() string {
	c, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		return "schema " + s.name
	}
	return fmt.Sprintf("schema %s of the Postgres database %s", s.name, c.Database)
}

func (s schema) open(ctx context.Context) (keeper, error) {
	if err := s.exec(ctx, "SELECT"); err != nil { // the store would try again and again
		return nil, fmt.Errorf("--dsn: %w", err)
	}
	p, err := postgres.Open(ctx, s.dsn, &postgres.Options{Schema: s.name})
	if err != nil {
		return nil, fmt.Errorf("--dsn: %w", err)
	}
	return p, nil
}

// drop removes the schema with all that is in it.
func (s schema) drop(ctx context.Context) error {
	return s.exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{s.name}.Sanitize()+" CASCADE")
}

func (s schema) exec(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement)
	return err
}

// newSchema names a schema that is not there yet.
func newSchema(dsn, command string) schema {
	return schema{dsn, "wallet_" + command + "_" + strings.ToLower(rand.Text()[:8])}
}

// fresh are the flags of every command that writes a database of its own.
type fresh struct {
	DB  string `name:"db" xor:"database" placeholder:"FILE" help:"SQLite file to write; it must be new or empty. Default: a new one in the temporary directory."`
	DSN string `name:"dsn" xor:"database" placeholder:"DSN" help:"Postgres database to write to instead, in a new schema, whose name is printed."`
}

// make makes a new database. It never touches one with something in it.
func (f fresh) make(command string) (database, error) {
	if f.DSN != "" {
		return newSchema(f.DSN, command), nil
	}
	path := f.DB
	if path == "" {
		made, err := os.CreateTemp("", "wallet-"+command+"-*.db")
		if err != nil {
			return nil, err
		}
		path = made.Name()
		if err := made.Close(); err != nil {
			return nil, err
		}
	}
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() > 0:
		return nil, fmt.Errorf("--db %s is not empty; name a new file", path)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	return file(path), nil
}

// kept are the flags of a command whose database stays.
type kept struct {
	DB     string `name:"db" xor:"database" placeholder:"FILE" help:"SQLite file with the wallets; made if it is not there. It, or --dsn, must be given."`
	DSN    string `name:"dsn" xor:"database" placeholder:"DSN" help:"Postgres database with the wallets instead: a URL, or keywords and values."`
	Schema string `placeholder:"NAME" help:"Schema of the Postgres database; made if it is not there. Default: wallet."`
}

func (k kept) open(ctx context.Context) (keeper, error) {
	switch {
	case k.DSN != "":
		return schema{k.DSN, cmp.Or(k.Schema, "wallet")}.open(ctx)
	case k.Schema != "":
		return nil, errors.New("--schema goes with --dsn")
	case k.DB == "":
		return nil, errors.New("missing flags: --db=FILE or --dsn=DSN")
	}
	return file(k.DB).open(ctx)
}
