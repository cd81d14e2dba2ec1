package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

var (
	begin          = newQuery("BEGIN")
	beginImmediate = newQuery("BEGIN IMMEDIATE")
	commit         = newQuery("COMMIT")
	rollback       = newQuery("ROLLBACK")
	dataVersion    = newQuery("PRAGMA data_version")
)

var errConflict = wallet.ErrConflict

// errBroken is why a batch is not written that has lost its transaction.
var errBroken = errors.New("sqlite: the database failed while the batch was run")

// A writerConn is where the lane's batches are written.
type writerConn struct {
	s    *Store
	keep bool // the connection stays between batches

	mu      sync.Mutex // a batch is under way
	closed  bool
	c       *conn // nil: to be taken
	base    *base
	unit    *unit.Unit
	writer  writer
	version int64 // of the data, as this connection counts what others commit
	shared  bool  // others committed before the last batch
}

// run runs the calls of a batch.
func (w *writerConn) run(calls []*lane.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	unit.Run(w, w.s.lane, calls)
}

func (w *writerConn) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.c == nil {
		return nil
	}
	c := w.c
	w.c = nil
	return c.close()
}

// open takes a connection, unless there is one.
func (w *writerConn) open() error {
	if w.closed {
		return errClosedStore
	}
	if w.c != nil {
		return nil
	}
	c, err := w.s.take(context.Background(), 0)
	if err != nil {
		return err
	}
	w.use(c)
	return nil
}

func (w *writerConn) use(c *conn) {
	w.c, w.version = c, -1
	w.base = newBase(c)
	w.base.recent = new(recent)
	w.unit = unit.New(w.base)
	w.writer = writer{session: c}
}

// done ends what Begin began.
func (w *writerConn) done() {
	if w.base != nil {
		w.base.ahead = ahead{}
	}
	if c := w.c; c != nil && (!w.keep || c.broken) {
		w.c = nil
		c.close()
	}
}

func (w *writerConn) Begin(calls []*lane.Call) (u *unit.Unit, err error) {
	defer func() { // also when a statement panics
		if u == nil {
			w.done()
		}
	}()
	begun, err := w.begin(calls)
	if err != nil {
		return nil, err
	}
	if w.base.lookAhead(begun, calls); !w.c.broken {
		return begun, nil
	}
	w.c.rollback()
	w.done()
	return w.begin(calls) // and each reads for itself
}

// begin begins a transaction.
func (w *writerConn) begin(calls []*lane.Call) (*unit.Unit, error) {
	if err := w.open(); err != nil {
		return nil, err
	}
	if w.shared { // let the others have the lock as well
		time.Sleep(jitter() / 2)
	}
	if err := w.lock(calls); err != nil {
		return nil, err
	}
	version, err := number(w.c, dataVersion)
	if err != nil {
		w.c.rollback()
		return nil, err
	}
	w.shared = w.version >= 0 && version != w.version
	if version != w.version {
		w.version = version
		w.forget()
	}
	return w.unit, nil
}

// lock begins a transaction that can write. While somebody else does, it tries again and again, from here: SQLite's own
// waiting lets a busy neighbour starve it.
func (w *writerConn) lock(calls []*lane.Call) error {
	defer w.s.blocked.Store(false)
	for start := time.Now(); ; time.Sleep(jitter()) {
		_, err := w.c.exec(beginImmediate)
		if !isBusy(err) {
			return err
		}
		w.s.blocked.Store(true)
		left := false
		for _, c := range calls {
			if c.Scope.Try && !c.Ended() {
				c.Fail(store.ErrBusy)
				c.End()
			}
			if err := c.Cancelled(); err != nil && !c.Ended() {
				c.Fail(err)
				c.End()
			}
			left = left || !c.Ended()
		}
		if !left {
			return store.ErrBusy
		}
		if time.Since(start) > w.s.busy {
			return fmt.Errorf("%w: somebody else was writing to the database for %v; inside a transaction of the host use sqlite.Join: %w",
				errConflict, w.s.busy, err)
		}
	}
}

// jitter is 0.1 to 1 ms.
func jitter() time.Duration { return 100*time.Microsecond + rand.N(900*time.Microsecond) }

// forget drops what was loaded.
func (w *writerConn) forget() {
	w.unit.Forget()
	w.base.recent.reset()
	clear(w.base.owners)
	clear(w.base.ids)
	w.writer.last = 0
}

func (w *writerConn) Commit(u *unit.Unit) error {
	ended := false
	defer w.done()
	defer func() {
		if !ended { // a panic, which must not leave a transaction open
			w.forget()
			w.c.rollback()
		}
	}()
	changes := u.Changes()
	err := errBroken
	if !w.c.broken {
		err = w.writer.write(changes)
	}
	if err == nil {
		err = w.commit(changes)
	} else {
		w.c.rollback()
	}
	ended = true
	if err != nil {
		w.forget()
		return err
	}
	for _, k := range changes.Keys {
		w.base.recent.add(k.Of.ID, k.Name)
	}
	u.Written()
	return nil
}

// commit commits. If that fails, and it is not certain that nothing was committed, it finds out: all of it is there, or nothing.
// What is not there may yet be after a crash, if the disk was being asked to keep it. Then the outcome is unknown.
func (w *writerConn) commit(c *unit.Changes) error {
	_, failed := w.c.exec(commit)
	if failed == nil {
		failed = w.s.op("COMMITTED")
	}
	if failed == nil {
		return nil
	}
	if w.c.rollback(); !w.c.broken && !isIO(failed) {
		return failed
	}
	found, err := false, error(nil)
	switch {
	case len(c.Transactions) > 0:
		_, err = w.base.record(c.Transactions[0].ID)
		found = err == nil
	case len(c.Keys) > 0:
		w.base.recent.reset()
		_, found, err = w.base.Outcome(c.Keys[0].Of.ID, c.Keys[0].Name)
	}
	if found && err == nil {
		return nil
	}
	return fmt.Errorf("%w: whether it was committed is unknown: %w", errConflict, failed)
}

func (w *writerConn) Rollback(u *unit.Unit) {
	defer w.done()
	if w.c.rollback(); w.c.broken || u.Changed() {
		w.forget()
	} else {
		u.Written() // nothing
	}
}

// codeOf returns SQLite's result code.
func codeOf(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}

func isBusy(err error) bool         { return err != nil && codeOf(err)&0xff == 5 }
func isBusySnapshot(err error) bool { return err != nil && codeOf(err) == 517 }
func isIO(err error) bool           { return err != nil && codeOf(err)&0xff == 10 }
