package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// setUp makes the connection what the store needs, and notes how to make it again what it was.
func (c *conn) setUp(owned bool, patience time.Duration) error {
	set := func(pragma string, value int64) error {
		was, err := number(c, queryOf("PRAGMA "+pragma))
		if err != nil || was == value {
			return err
		}
		if _, err := c.exec(queryOf(fmt.Sprintf("PRAGMA %s = %d", pragma, value))); err != nil {
			return err
		}
		if !owned {
			c.restore = append(c.restore, fmt.Sprintf("PRAGMA %s = %d", pragma, was))
		}
		return nil
	}
	const full, kilobytes = 2, -16 << 10
	return errors.Join(set("busy_timeout", patience.Milliseconds()), set("synchronous", full), set("cache_size", kilobytes))
}

// over is the session of a view that has ended.
type over struct{}

var errOver = errors.New("sqlite: a Reader was used after its function returned")

func (over) exec(*query, ...driver.Value) (driver.Result, error)            { return nil, errOver }
func (over) rows(*query, func([]driver.Value) error, ...driver.Value) error { return errOver }

var (
	selectFile = newQuery("SELECT file FROM pragma_database_list WHERE name = 'main'")
	setWAL     = newQuery("PRAGMA journal_mode = WAL")
)

// prepare brings the database into the form that the store needs.
func (s *Store) prepare(ctx context.Context) error {
	c, err := s.take(ctx, 0)
	if err != nil {
		return err
	}
	defer c.close()
	file := ""
	if _, err := one(c, selectFile, func(row []driver.Value) error {
		r := reader{row: row}
		file = r.text()
		return r.err
	}); err != nil {
		return err
	}
	if file == "" && s.db.Stats().MaxOpenConnections != 1 {
		return errors.New("sqlite: the database is in memory, where every connection has one of its own: limit the pool to one connection, or use a file")
	}
	if err := s.retry(func() error { _, err := c.exec(setWAL); return err }); err != nil {
		return err
	}
	if err := s.retry(func() error { _, err := c.exec(beginImmediate); return err }); err != nil {
		return err
	}
	if err := migrate(c); err != nil {
		c.exec(rollback)
		return err
	}
	_, err = c.exec(commit)
	return err
}

// retry runs do until it does not find the database locked.
func (s *Store) retry(do func() error) error {
	for start := time.Now(); ; time.Sleep(jitter()) {
		err := do()
		if !isBusy(err) {
			return err
		}
		if time.Since(start) > s.busy {
			return fmt.Errorf("%w: somebody else was writing to the database for %v: %w", errConflict, s.busy, err)
		}
	}
}
