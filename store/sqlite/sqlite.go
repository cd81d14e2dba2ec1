package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// Options are the optional parts of a [Store]; nil options, and zero fields, are the defaults.
type Options struct {
	// BusyTimeout is how long to wait for others who are writing to the database, before giving up with
	// [wallet.ErrConflict]. Zero is 5 seconds.
	BusyTimeout time.Duration
}

// A Store keeps wallets in a database. It is safe for concurrent use, by several processes too.
type Store struct {
	db    *sql.DB
	owned bool // db is the store's, not the host's
	busy  time.Duration
	fault func(op string) error // see conn

	lane    *lane.Lane
	writer  writerConn
	readers readers
	blocked atomic.Bool // somebody else holds the lock
}

var _ store.Store = (*Store)(nil)

var errClosedStore = errors.New("sqlite: the store is closed")

// Open opens the database file at path, creates it if it is not there, and migrates it. A path that begins with "file:" is
// taken as a URI. Databases in memory are refused: package memory is a store for that.
func Open(path string, opts *Options) (*Store, error) {
	if path == "" || strings.Contains(path, ":memory:") || strings.Contains(path, "mode=memory") {
		return nil, fmt.Errorf("sqlite: %q is not a file; for a store in memory use package memory", path)
	}
	name := path
	if !strings.HasPrefix(path, "file:") {
		path = "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	s := newStore(db, opts)
	s.owned = true
	s.writer.keep = true
	s.readers.keep = true
	if err := s.prepare(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", name, err), s.Close())
	}
	return s, nil
}

// New migrates the database behind the host's pool and keeps wallets in it. The store takes connections from the pool: of one
// that is limited to fewer than four, only while it uses them: set the pool's limit before. It sets them up as it needs and gives
// them back as they were. Close leaves the pool open.
func New(ctx context.Context, db *sql.DB, opts *Options) (*Store, error) {
	s := newStore(db, opts)
	const several = 4
	if most := db.Stats().MaxOpenConnections; most == 0 || most >= several {
		s.writer.keep, s.readers.keep = true, true
		if most > 0 {
			s.readers.limit(most - several + 1)
		}
	} else {
		s.readers.limit(most)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newStore(db *sql.DB, opts *Options) *Store {
	s := &Store{db: db, busy: 5 * time.Second}
	if opts != nil && opts.BusyTimeout > 0 {
		s.busy = opts.BusyTimeout
	}
	s.writer.s = s
	s.lane = lane.New(s.writer.run)
	s.readers.limit(2 * max(2, runtime.GOMAXPROCS(0)))
	return s
}

// Update runs fn as [store.Store] says: with those of other callers, in one transaction.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if scope.Try && s.blocked.Load() {
		return store.ErrBusy
	}
	return s.lane.Do(ctx, scope, fn)
}

// View runs fn with a snapshot of the database.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.lane.Running() && lane.Nested() {
		return lane.ErrNested
	}
	c, err := s.readers.take(ctx, s)
	if err != nil {
		return err
	}
	defer s.readers.give(c)
	if _, err := c.exec(begin); err != nil {
		return err
	}
	defer c.rollback() // nothing was written
	v := &view{base: newBase(c)}
	defer v.end()
	return fn(v)
}

// A view is what the function of a View reads through.
type view struct{ *base }

// end makes every further use an error, that of a sequence too.
func (v *view) end() { v.session = over{} }

// Close gives back or closes the store's connections, once those that write have ended; readers give back theirs as they end.
func (s *Store) Close() error {
	if s.lane.Running() && lane.Nested() {
		return lane.ErrNested
	}
	err := errors.Join(s.writer.close(), s.readers.close())
	if s.owned {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// take returns a connection of the pool that is set up for the store. Its statements wait for locks with some patience.
func (s *Store) take(ctx context.Context, patience time.Duration) (c *conn, err error) {
	limited, cancel := context.WithTimeout(ctx, s.busy)
	defer cancel()
	own, err := s.db.Conn(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: no connection of the pool was free for %v; inside a transaction of the host use sqlite.Join", errConflict, s.busy)
	}
	if err != nil {
		return nil, err
	}
	taken, err := newConn(own, s.op)
	defer func() { // also when it panics
		if c == nil {
			err = errors.Join(err, taken.close())
		}
	}()
	if err == nil {
		err = taken.setUp(s, patience)
	}
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// op is called before every statement of the store's own connections.
func (s *Store) op(text string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(text)
}

var _ unit.Database = (*writerConn)(nil)

// readers are connections for views.
type readers struct {
	keep  bool
	slots chan struct{} // one is taken per view

	mu     sync.Mutex
	free   []*conn
	closed bool
}

func (r *readers) limit(n int) { r.slots = make(chan struct{}, max(1, n)) }

func (r *readers) take(ctx context.Context, s *Store) (c *conn, err error) {
	select {
	case r.slots <- struct{}{}:
	default:
		patience := time.NewTimer(s.busy)
		defer patience.Stop()
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, fmt.Errorf("%w: others were reading for %v; inside the function of a View use its Reader", errConflict, s.busy)
		}
	}
	defer func() { // also when it panics
		if c == nil {
			<-r.slots
		}
	}()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errClosedStore
	}
	if n := len(r.free); n > 0 {
		c, r.free = r.free[n-1], r.free[:n-1]
	}
	r.mu.Unlock()
	if c != nil {
		return c, nil
	}
	return s.take(ctx, s.busy)
}

func (r *readers) give(c *conn) {
	defer func() { <-r.slots }()
	r.mu.Lock()
	if r.keep && !r.closed && !c.broken {
		r.free = append(r.free, c)
		c = nil
	}
	r.mu.Unlock()
	if c != nil {
		c.close()
	}
}

func (r *readers) close() (err error) {
	r.mu.Lock()
	r.closed = true
	free := r.free
	r.free = nil
	r.mu.Unlock()
	for _, c := range free {
		err = errors.Join(err, c.close())
	}
	return err
}
