package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// setUp makes the connection what the store needs, and notes how to make it again what it was.
func (c *conn) setUp(s *Store, patience time.Duration) error {
	cache := int64(-4 << 10) // KB
	if patience == 0 {       // it writes
		cache = -32 << 10
	}
	const usual = 1000 // pages, where nobody has said otherwise
	for _, p := range []struct {
		pragma string
		value  int64
	}{
		{"busy_timeout", s.busy.Milliseconds()}, // for what comes next
		{"synchronous", 2},                      // FULL: a commit is on disk when it returns
		{"cache_size", cache},
		{"wal_autocheckpoint", 4000}, // pages, 16 MB: a page that many debits change is copied back once
		{"busy_timeout", patience.Milliseconds()},
	} {
		was, err := number(c, queryOf("PRAGMA "+p.pragma))
		if err != nil {
			return err
		}
		if was == p.value || p.pragma == "wal_autocheckpoint" && was != usual {
			continue // of checkpoints the host knows better, if it has said anything: 0 leaves them to it, or to what copies the WAL
		}
		if !s.owned {
			c.restore = append([]string{fmt.Sprintf("PRAGMA %s = %d", p.pragma, was)}, c.restore...)
		}
		if _, err := c.exec(queryOf(fmt.Sprintf("PRAGMA %s = %d", p.pragma, p.value))); err != nil {
			return err
		}
	}
	return nil
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
	return s.retry(func() error {
		c, err := s.take(ctx, 0)
		if err != nil {
			return err
		}
		if err := s.prepareOn(c); err != nil || !s.writer.keep {
			return errors.Join(err, c.close())
		}
		s.writer.use(c)
		return nil
	})
}

func (s *Store) prepareOn(c *conn) error {
	text := func(q *query) (text string, err error) {
		_, err = one(c, q, func(row []driver.Value) error {
			r := reader{row: row}
			text = r.text()
			return r.err
		})
		return text, err
	}
	file, err := text(selectFile)
	if err != nil {
		return err
	}
	if file == "" && s.db.Stats().MaxOpenConnections != 1 {
		return errors.New("sqlite: the database is in memory, where every connection has one of its own: limit the pool to one connection, or use a file")
	}
	mode, err := text(setWAL)
	if err != nil {
		return err
	}
	if file != "" && mode != "wal" {
		return fmt.Errorf("sqlite: %s cannot be put into WAL mode: it stays in mode %q", file, mode)
	}
	if _, err := c.exec(beginImmediate); err != nil {
		return err
	}
	if err := migrate(c); err != nil {
		c.rollback()
		return err
	}
	if _, err = c.exec(commit); err != nil {
		c.rollback()
	}
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
