package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// Join returns a store whose reads and writes are part of the host's transaction, on a database that a [Store] has migrated.
// They become durable, and visible to others, when the host commits. An Update that fails leaves no trace in the transaction.
//
// The transaction should have been begun to write, with _txlock=immediate in the data source name: a deferred one takes the lock
// with its first use here, and if it has read before and others have written since, gets [wallet.ErrConflict]. It is for the
// host then to roll back and begin again.
func Join(tx *sql.Tx) store.Store {
	return &joined{tx: tx, stmts: map[*query]*sql.Stmt{}}
}

type joined struct {
	tx     *sql.Tx
	stmts  map[*query]*sql.Stmt
	locked bool // the transaction can write
	ended  bool // SQLite may have ended the transaction, see alive
	writer writer
}

// A turn is to use a transaction of the host's: one at a time does, whichever store joined to it is used.
type turn struct {
	mu   sync.Mutex
	lane *lane.Lane
	n    int // those that have it, or wait for it
}

var turns = struct {
	sync.Mutex
	of map[*sql.Tx]*turn // that somebody has
}{of: map[*sql.Tx]*turn{}}

var _ unit.Database = (*joined)(nil)

func (j *joined) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	t, err := j.enter(ctx)
	if err != nil {
		return err
	}
	c := lane.NewCall(ctx, scope, fn)
	func() {
		defer j.leave(t)
		unit.Run(j, t.lane, []*lane.Call{c})
	}()
	return c.Outcome()
}

func (j *joined) View(ctx context.Context, fn func(store.Reader) error) error {
	t, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer j.leave(t)
	if err := j.lock(true); err != nil && !isBusy(err) { // reading needs no lock
		return err
	}
	v := &view{base: newBase(j)}
	defer v.end()
	return t.lane.Look(func() error { return fn(v) })
}

// enter waits until nobody else uses the transaction.
func (j *joined) enter(ctx context.Context) (*turn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	turns.Lock()
	t := turns.of[j.tx]
	if t != nil && t.lane.Running() && lane.Nested() {
		turns.Unlock()
		return nil, lane.ErrNested
	}
	if t == nil {
		t = &turn{lane: lane.New(nil)}
		turns.of[j.tx] = t
	}
	t.n++
	turns.Unlock()
	t.mu.Lock()
	return t, nil
}

func (j *joined) leave(t *turn) {
	t.mu.Unlock()
	turns.Lock()
	defer turns.Unlock()
	if t.n--; t.n == 0 {
		delete(turns.of, j.tx)
	}
}

var (
	changeNothing = newQuery("UPDATE wallet_meta SET version = version WHERE 0")
	savepoint     = newQuery("SAVEPOINT wallet_update")
	release       = newQuery("RELEASE wallet_update")
	undoSavepoint = newQuery("ROLLBACK TO wallet_update")
)

// lock takes the lock for writing, before anything is read.
func (j *joined) lock(try bool) error {
	if err := j.alive(); err != nil {
		return err
	}
	if j.locked {
		return nil
	}
	const patience = 5 * time.Second
	for start := time.Now(); ; time.Sleep(jitter()) {
		_, err := j.exec(changeNothing)
		switch {
		case err == nil:
			have, err := versionOf(j)
			j.locked = err == nil
			if err == nil && have < version {
				err = fmt.Errorf("sqlite: the wallet tables are of version %d, not %d: open a Store to migrate them", have, version)
			}
			return err
		case isBusySnapshot(err):
			return fmt.Errorf("%w: others have written since the transaction first read: begin with _txlock=immediate: %w", errConflict, err)
		case isBusy(err) && try:
			return err
		case isBusy(err) && time.Since(start) > patience:
			return fmt.Errorf("%w: somebody else was writing to the database for %v: %w", errConflict, patience, err)
		case isBusy(err):
		case strings.Contains(err.Error(), "no such table"):
			return fmt.Errorf("sqlite: Join expects a database that a Store has migrated: %w", err)
		default:
			return err
		}
	}
}

var errEnded = errors.New("sqlite: the host's transaction has ended: SQLite has rolled it back, as it does when the disk is full or fails")

// alive finds out whether there still is a transaction. What is done without one is committed at once.
func (j *joined) alive() error {
	_, err := j.exec(begin)
	if err == nil {
		_, err = j.exec(rollback)
		return errors.Join(errEnded, err)
	}
	const refused = 1 // there is one
	if codeOf(err) == refused {
		j.ended = false
		return nil
	}
	return err
}

func (j *joined) Begin(calls []*lane.Call) (*unit.Unit, error) {
	try := calls[0].Scope.Try
	if err := j.lock(try); err != nil {
		if try && isBusy(err) && !isBusySnapshot(err) {
			err = store.ErrBusy
		}
		return nil, err
	}
	if _, err := j.exec(savepoint); err != nil {
		return nil, err
	}
	return unit.New(newBase(j)), nil
}

func (j *joined) Commit(u *unit.Unit) error {
	written := false
	defer func() { // also when a statement panics
		if !written {
			j.Rollback(u)
		}
	}()
	if j.ended {
		if err := j.alive(); err != nil {
			return err
		}
	}
	j.writer = writer{session: j}
	if err := j.writer.write(u.Changes()); err != nil {
		return err
	}
	_, err := j.exec(release)
	written = err == nil
	return err
}

func (j *joined) Rollback(*unit.Unit) {
	if j.alive() == nil {
		j.exec(undoSavepoint)
		j.exec(release)
	}
}

func (j *joined) prepare(q *query) (*sql.Stmt, error) {
	if s := j.stmts[q]; s != nil {
		return s, nil
	}
	s, err := j.tx.Prepare(q.text)
	if err == nil {
		j.stmts[q] = s
	}
	return s, err
}

func (j *joined) exec(q *query, args ...driver.Value) (driver.Result, error) {
	s, err := j.prepare(q)
	if err != nil {
		return nil, err
	}
	done, err := s.Exec(anys(args)...)
	j.ended = j.ended || endsTransaction(err)
	return done, err
}

func (j *joined) rows(q *query, each func([]driver.Value) error, args ...driver.Value) error {
	err := j.each(q, each, args)
	j.ended = j.ended || endsTransaction(err)
	return err
}

func (j *joined) each(q *query, each func([]driver.Value) error, args []driver.Value) (err error) {
	s, err := j.prepare(q)
	if err != nil {
		return err
	}
	rows, err := s.Query(anys(args)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	row, scanned, into := make([]driver.Value, len(columns)), make([]any, len(columns)), make([]any, len(columns))
	for i := range into {
		into[i] = &scanned[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range scanned {
			row[i] = v
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

func anys(args []driver.Value) []any {
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = a
	}
	return all
}
