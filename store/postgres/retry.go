package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A retryError is a failure that may not happen again: nothing was committed, and the function may be run again.
type retryError struct{ error }

func (e retryError) Unwrap() error { return e.error }

// Is makes it a [wallet.ErrConflict], so that a batch is repeated as a whole, rather than each of its functions alone.
func (e retryError) Is(target error) bool { return target == wallet.ErrConflict }

// Codes of errors that are not of the statement that meets them.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
)

// inFailedTransaction is how statements fail behind one that has failed.
const inFailedTransaction = "25P02"

// divisionByZero is how statements fail that count wrong: the guards, and those about rows that are not there.
const divisionByZero = "22012"

func codeOf(err error) string {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// retryable makes a retryError of what may go better the next time: conflicts with others, and lost connections.
func retryable(err error) error {
	var conflict retryError
	switch code := codeOf(err); {
	case err == nil, errors.As(err, &conflict), errors.Is(err, wallet.ErrConflict):
		return err
	case code == lockNotAvailable:
		return fmt.Errorf("%w: somebody else has had the customer locked for too long; inside a transaction of the host use (*postgres.Store).Join: %w",
			wallet.ErrConflict, err)
	case code == queryCanceled: // by a statement_timeout of the host's, or by hand
		return fmt.Errorf("%w: the server was told to give up: %w", wallet.ErrConflict, err)
	case code == serializationFailure, code == deadlockDetected, isLost(err):
		return retryError{err}
	}
	return err
}

// isLost reports whether the connection was lost, or could not be made for now.
func isLost(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		// 08: connections, 53: resources, 57P: shutdown, crash and start, 25P03 and 25P04: a host's limits of transactions.
		return strings.HasPrefix(p.Code, "08") || strings.HasPrefix(p.Code, "53") || strings.HasPrefix(p.Code, "57P") ||
			p.Code == "25P03" || p.Code == "25P04"
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return pgconn.SafeToRetry(err) || errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}

// isCertain reports whether a failed commit has certainly not happened: the server refused, or was not asked.
func isCertain(err error) bool {
	var p *pgconn.PgError
	var early pgx.ErrPreprocessingBatch
	switch {
	case errors.As(err, &early): // the COMMIT was not sent
		return true
	case errors.As(err, &p):
		return p.SeverityUnlocalized == "ERROR" || p.Severity == "ERROR"
	}
	return pgconn.SafeToRetry(err)
}

// resolve finds out whether changes were committed whose commit was not answered: all of them are there, or none.
func (w *writer) resolve(c *unit.Changes, failed error) error {
	unknown := fmt.Errorf("%w: whether it was committed is unknown: %w", wallet.ErrConflict, failed)
	session := sessionOf(w.conn.Conn())
	w.conn.Conn().Close(w.ctx)
	w.conn.Release() // for somebody to find out: the pool may have no other
	w.conn = nil
	for until := time.Now().Add(w.s.opts.Timeout); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		switch committed, err := w.find(c, session); {
		case err == errOverwritten:
			return unknown
		case err != nil: // the server may be starting
		case committed:
			return nil
		default:
			return retryError{failed}
		}
	}
	return unknown
}

// errOverwritten is returned by find if the customer has changed since, and nobody can tell by whom.
var errOverwritten = errors.New("postgres: the customer has changed")

// find looks for what was to be committed. The lock of one of the customers is had again when the old transaction has ended, one
// way or the other.
func (w *writer) find(c *unit.Changes, old session) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.s.opts.Timeout)
	defer cancel()
	conn, err := w.s.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if !old.began.IsZero() { // it may still wait for a client that it does not know is gone
		if _, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2", int64(old.pid), old.began); err != nil {
			return false, err
		}
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SELECT set_config('lock_timeout', '1s', true)"); err != nil {
		return false, err
	}
	look := func(customer wallet.CustomerID, sql string, args ...any) (found bool, err error) {
		if _, err := tx.Exec(ctx, w.s.names.in(lockCustomer), string(customer)); err != nil {
			return false, err
		}
		err = tx.QueryRow(ctx, w.s.names.in(sql), args...).Scan(&found)
		return found, err
	}
	switch {
	case len(c.Transactions) > 0:
		t := c.Transactions[0]
		return look(t.Customer, "SELECT count(*) > 0 FROM {transaction} WHERE customer = $1 AND wallet = $2 AND id = $3", string(t.Customer), id(t.Wallet), id(t.ID))
	case len(c.Keys) > 0:
		k := c.Keys[0]
		return look(k.Of.ID, "SELECT count(*) > 0 FROM {key} WHERE customer = $1 AND key = $2 AND fingerprint = $3", string(k.Of.ID), k.Name, k.Fingerprint)
	case w.xid != 0:
		var status string
		if err := tx.QueryRow(ctx, "SELECT pg_xact_status($1::text::xid8)", fmt.Sprint(w.xid)).Scan(&status); err != nil {
			return false, err
		}
		if status == "in progress" {
			return false, errors.New("postgres: the transaction has not ended")
		}
		return status == "committed", nil
	}
	of := w.writing.customers[0] // the guard has given it its new edition
	same, err := look(of.ID, "SELECT count(*) > 0 FROM {customer} WHERE customer = $1 AND version = $2", string(of.ID), of.Version-1)
	if err == nil && !same {
		err = errOverwritten
	}
	return false, err
}

// leavesTrace reports whether a commit can be found by something that only it has written.
func leavesTrace(c *unit.Changes) bool { return len(c.Transactions)+len(c.Keys) > 0 }

// A session is a connection, as the server knows it.
type session struct {
	pid   uint32
	began time.Time
}

const sessionKey = "wallet session"

// meet learns the session of a connection, once.
func (w *writer) meet() error {
	c := w.conn.Conn()
	known := c.PgConn().CustomData()
	if _, ok := known[sessionKey]; ok || w.s.opts.Distributed {
		return nil
	}
	s := session{pid: c.PgConn().PID()}
	err := c.QueryRow(w.ctx, "SELECT backend_start FROM pg_stat_activity WHERE pid = $1", int64(s.pid)).Scan(&s.began)
	if errors.Is(err, pgx.ErrNoRows) { // a pooler is in between
		err = nil
	}
	known[sessionKey] = s
	return err
}

func sessionOf(c *pgx.Conn) session {
	s, _ := c.PgConn().CustomData()[sessionKey].(session)
	return s
}

// again repeats do while it fails for no fault of its own.
func (s *Store) again(ctx context.Context, do func() error) error {
	for start := time.Now(); ; {
		err := retryable(do())
		var again retryError
		if !errors.As(err, &again) {
			return err
		}
		if time.Since(start) > s.opts.Timeout {
			return fmt.Errorf("%w: it was tried for %v: %w", wallet.ErrConflict, s.opts.Timeout, again.error)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits for about so long: differently from others.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d/2 + rand.N(d)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
