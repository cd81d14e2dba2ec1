package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet/store/memory"
)

// A subject is a database to be measured: a new one.
type subject interface {
	open(context.Context) (keeper, error)

	// logged returns how many bytes the log grows by while do runs; less than none, if there is no log.
	logged(ctx context.Context, do func() error) (bytes int64, err error)

	// remove removes it, once the store is closed.
	remove() error
}

// subjects make new databases.
var subjects = map[string]func(b bench, dir string) subject{
	"memory":   func(bench, string) subject { return inMemory{} },
	"sqlite":   func(_ bench, dir string) subject { return onFile{file(filepath.Join(dir, "wallets.db"))} },
	"postgres": func(b bench, _ string) subject { return onServer{newSchema(b.DSN, "bench")} },
}

const noLog = -1

type inMemory struct{}

type closed struct{ *memory.Store }

func (closed) Close() error { return nil }

func (inMemory) open(context.Context) (keeper, error) { return closed{memory.New()}, nil }
func (inMemory) remove() error                        { return nil }

func (inMemory) logged(_ context.Context, do func() error) (int64, error) { return noLog, do() }

type onFile struct{ file }

// logged empties the log, and keeps it from being written back and begun anew by reading all the time.
func (f onFile) logged(ctx context.Context, do func() error) (int64, error) {
	db, err := sql.Open("sqlite", f.String())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return 0, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	info, err := os.Stat(f.String() + "-wal")
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f onFile) remove() error {
	os.Remove(f.String() + "-wal") // mostly gone when the last connection was closed
	os.Remove(f.String() + "-shm")
	return os.Remove(f.String())
}

type onServer struct{ schema }

// logged asks the server where its log ends.
func (s onServer) logged(ctx context.Context, do func() error) (int64, error) {
	c, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	end := func() (at int64, err error) {
		err = c.QueryRow(ctx, "SELECT (pg_current_wal_lsn() - '0/0')::bigint").Scan(&at)
		return at, err
	}
	before, unknown := end()
	if err := do(); err != nil || unknown != nil { // engines that only speak its protocol do not tell
		return noLog, err
	}
	after, err := end()
	return after - before, err
}

func (s onServer) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // also when interrupted
	defer cancel()
	return s.drop(ctx)
}
