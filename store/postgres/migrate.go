package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// version is that of the newest file in schema.
const version = 1

//go:embed schema/*.sql
var files embed.FS

// A Migration brings the tables from the version before to its own. Its statements also note the version, so that who runs them
// by another tool has done all there is to do.
type Migration struct {
	Version int
	SQL     string
}

// Migrations returns all migrations, in order, for the schema that the options name. The schema itself is not created by them.
func Migrations(opts *Options) ([]Migration, error) {
	n := newNames(opts.orDefault())
	var all []Migration
	for v := 1; v <= version; v++ {
		text, err := fs.ReadFile(files, fmt.Sprintf("schema/%04d.sql", v))
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{v, n.replace(amounts.ReplaceAllString(string(text), "LEAST($1) >= 0.0 AND GREATEST($1) < 1e18"))})
	}
	return all, nil
}

// amounts is a shorthand. NaN and Infinity are greater than every number.
var amounts = regexp.MustCompile(`\bamounts\(([\w, ]+)\)`)

// migrate brings the tables up to version, one migrator at a time. It writes nothing if they already are, so that it needs no
// right to.
func (s *Store) migrate(ctx context.Context) error {
	return s.again(ctx, func() error {
		return s.acquire(ctx, func(c *pgx.Conn) error {
			have, err := s.version(ctx, c)
			if have == version || err != nil {
				return err
			}
			tx, err := c.Begin(ctx)
			if err != nil {
				return err
			}
			defer tx.Rollback(context.WithoutCancel(ctx))
			if err := s.upgrade(ctx, tx); err != nil {
				return err
			}
			return tx.Commit(ctx)
		})
	})
}

func (s *Store) upgrade(ctx context.Context, tx pgx.Tx) error {
	if !s.opts.Distributed {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", "wallet migrations of "+s.opts.Schema); err != nil {
			return err
		}
	}
	have, err := s.version(ctx, tx)
	if err != nil {
		return err
	}
	all, err := Migrations(s.opts)
	if err != nil {
		return err
	}
	if have == 0 {
		var there bool // CREATE SCHEMA IF NOT EXISTS asks for the right to, even if it does
		if err := tx.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = $1", s.opts.Schema).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{s.opts.Schema}.Sanitize()); err != nil {
				return err
			}
		}
	}
	for _, m := range all[have:] {
		if _, err := tx.Exec(ctx, m.SQL, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("postgres: migration to version %d: %w", m.Version, err)
		}
	}
	return nil
}

// version returns the version of the tables, 0 if there are none. One that this program does not know is an error.
func (s *Store) version(ctx context.Context, q querier) (have int, err error) {
	var there bool
	err = q.QueryRow(ctx, "SELECT count(*) > 0 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'wallet_meta'", s.opts.Schema).Scan(&there)
	if !there || err != nil {
		return 0, err
	}
	err = q.QueryRow(ctx, s.names.in("SELECT version FROM {meta}")).Scan(&have)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err == nil && have > version {
		err = fmt.Errorf("postgres: the wallet tables are of version %d, made by a newer program; this one knows version %d", have, version)
	}
	return have, err
}
