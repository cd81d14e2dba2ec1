package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// Options are the optional parts of a [Store]; nil options, and zero fields, are the defaults.
type Options struct {
	// Schema is where the tables are. Empty is "wallet".
	Schema string

	// Timeout is how long a call waits for a connection, for a customer that somebody else has locked, and for an answer, and
	// how long it repeats what failed for no fault of its own, before it gives up with [wallet.ErrConflict]. Zero is 10 seconds.
	Timeout time.Duration

	// Distributed is for engines that speak the protocol of Postgres and place customers on different nodes. A transaction then
	// is about one customer, nothing is asked of the planner, and the feed of all customers ([store.Reader.Events] for neither
	// a customer nor a wallet) is refused.
	Distributed bool
}

func (o *Options) orDefault() *Options {
	d := Options{}
	if o != nil {
		d = *o
	}
	if d.Schema == "" {
		d.Schema = "wallet"
	}
	if d.Timeout <= 0 {
		d.Timeout = 10 * time.Second
	}
	return &d
}

// A Store keeps wallets in a database. It is safe for concurrent use, by several processes too.
type Store struct {
	pool  *pgxpool.Pool
	owned bool // pool is the store's, not the host's
	opts  *Options
	names *names

	partial bool // there is no feed of all customers
	common  [2]*writer
	queues  queues
	owners  owners

	calls     atomic.Int64 // that are under way in the common lanes
	wide      atomic.Bool  // both lanes are in use
	lull      atomic.Int64 // calls in a row that found few others
	functions atomic.Int64 // batches whose functions are being run, of all lanes
	closed    atomic.Bool
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("postgres: the store is closed")

// Open connects to the database that dsn names (a URL, or keywords and values; see [pgxpool.ParseConfig]), creates or migrates
// the tables, and keeps wallets in them. The pool has at least four connections unless dsn says otherwise.
func Open(ctx context.Context, dsn string, opts *Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	s := newStore(opts)
	s.owned = true
	if !s.opts.Distributed {
		for name, value := range settings {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	return s.start(ctx)
}

// New is like Open, on the host's pool. The store takes connections from it only while it uses them, and leaves them as they
// were; Close leaves the pool open.
func New(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Store, error) {
	s := newStore(opts)
	s.pool = pool
	return s.start(ctx)
}

func newStore(opts *Options) *Store {
	s := &Store{opts: opts.orDefault()}
	s.partial = s.opts.Distributed
	s.names = newNames(s.opts)
	s.owners.known = map[wallet.ID]wallet.CustomerID{}
	s.queues.of = map[wallet.CustomerID]*queue{}
	for i := range s.common {
		s.common[i] = newWriter(s, "")
	}
	return s
}

func (s *Store) start(ctx context.Context) (*Store, error) {
	if mode := s.pool.Config().ConnConfig.DefaultQueryExecMode; !s.opts.Distributed && (mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol) {
		return nil, errors.Join(fmt.Errorf("postgres: refused a pool whose default_query_exec_mode is %s: with it nobody asks the server what types parameters are of; "+
			"cache_statement, cache_describe and describe_exec do", mode), s.Close())
	}
	// Of a customer that somebody else has locked, a call waits on a connection of its own. One is left for all the others.
	s.queues.slots = make(chan struct{}, max(1, s.pool.Config().MaxConns/2))
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the pool, if the store has opened it. Calls that come later fail.
func (s *Store) Close() error {
	if !s.closed.Swap(true) && s.owned {
		s.pool.Close()
	}
	return nil
}

// settings keep the planner from what its estimates of arrays lead it to: hashing whole tables to find a few rows.
var settings = map[string]string{
	"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off", "enable_bitmapscan": "off", "plan_cache_mode": "force_generic_plan",
	"jit": "off",
}

const setLocal = `SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_bitmapscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)`

// View runs fn with a snapshot of the database.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	var c *pgxpool.Conn
	err := s.again(ctx, func() (err error) { // a connection of the pool may have been lost long ago
		if c, err = s.take(ctx); err != nil {
			return err
		}
		begun := false
		defer func() {
			if !begun {
				c.Release()
			}
		}()
		_, err = c.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
		begun = err == nil
		return err
	})
	if err != nil {
		return err
	}
	defer c.Release()
	v := &view{&base{names: s.names, ctx: ctx, q: c.Conn(), partial: s.partial}}
	defer func() {
		v.end()
		rollback(c.Conn())
	}()
	if err = fn(v); err != nil && c.Conn().IsClosed() && ctx.Err() == nil {
		err = fmt.Errorf("%w: the connection was lost: %w", wallet.ErrConflict, err)
	}
	return err
}

// rollback ends a transaction. If it cannot, the pool drops the connection.
func rollback(c *pgx.Conn) {
	if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.Exec(ctx, "ROLLBACK")
}

// enter refuses calls of the functions that the store runs.
func (s *Store) enter(ctx context.Context) error {
	switch {
	case s.closed.Load():
		return errClosed
	case s.functions.Load() > 0 && lane.Nested():
		return lane.ErrNested
	}
	return ctx.Err()
}

// acquire calls do with a connection of the pool.
func (s *Store) acquire(ctx context.Context, do func(*pgx.Conn) error) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return do(c.Conn())
}

// take returns a connection of the pool, unless none is free for too long.
func (s *Store) take(ctx context.Context) (*pgxpool.Conn, error) {
	patient, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	c, err := s.pool.Acquire(patient)
	if err != nil && patient.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: no connection of the pool was free for %v; inside a transaction of the host use (*postgres.Store).Join: %w",
			wallet.ErrConflict, s.opts.Timeout, err)
	}
	return c, err
}

// A view is what the function of a View reads through.
type view struct{ *base }

// end makes every further use an error.
func (v *view) end() { v.base = &base{names: v.names} }

var errOver = errors.New("postgres: a Reader was used after its function returned")

// owners knows whose wallets are, which never changes.
type owners struct {
	mu    sync.Mutex
	known map[wallet.ID]wallet.CustomerID
}

func (o *owners) get(id wallet.ID) (wallet.CustomerID, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c, ok := o.known[id]
	return c, ok
}

func (o *owners) put(id wallet.ID, c wallet.CustomerID) {
	const most = 1 << 17
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) >= most {
		clear(o.known)
	}
	o.known[id] = c
}
