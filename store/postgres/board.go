package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// boarding is the beginning of a batch.
type boarding struct {
	w     *writer
	ahead *ahead
	calls []*lane.Call
	of    []wallet.CustomerID // for each call; empty: none
	names []string            // the customers, sorted

	ended map[*lane.Call]error // calls that do not take part
}

// board locks the customers of the calls, in a transaction, and reads what the calls will need. Of a customer that cannot be
// locked, the calls are ended with a [busyError].
func (b *boarding) board(calls []*lane.Call) error {
	b.ended = map[*lane.Call]error{}
	for _, c := range calls {
		if !c.Ended() {
			b.calls = append(b.calls, c)
		}
	}
	if err := b.resolve(); err != nil {
		return err
	}
	if err := b.addCustomers(false); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	if missing := b.missing(); len(missing) > 0 {
		there, err := collect(b.w.base, scanCustomer, findCustomers, missing)
		if err != nil {
			return err
		}
		if len(there) < len(missing) { // some are new
			rollback(b.w.conn.Conn())
			if err := b.addCustomers(true); err != nil {
				return err
			}
			if err := b.lock(); err != nil {
				return err
			}
		}
	}
	if err := b.refresh(); err != nil {
		return err
	}
	for i, c := range b.calls {
		if b.of[i] != "" && !b.isLocked(b.of[i]) {
			b.ended[c] = busyError{b.of[i]}
		}
	}
	for c, err := range b.ended { // nothing can fail any more
		c.Fail(err)
		c.End()
	}
	return nil
}

// resolve finds out whose calls they are.
func (b *boarding) resolve() error {
	var batch pgx.Batch
	b.of = make([]wallet.CustomerID, len(b.calls))
	for i, c := range b.calls {
		sql, of := "", any(nil)
		switch s := c.Scope; {
		case s.Customer != "":
			b.of[i] = s.Customer
			continue
		case !s.Wallet.IsZero():
			if known, ok := b.w.s.owners.get(s.Wallet); ok {
				b.of[i] = known
				continue
			}
			sql, of = "SELECT customer FROM {record} WHERE wallet = $1", id(s.Wallet)
		case !s.Transaction.IsZero():
			sql, of = "SELECT customer FROM {transaction} WHERE id = $1", id(s.Transaction)
		case !s.Hold.IsZero():
			sql, of = "SELECT customer FROM {hold} WHERE id = $1", id(s.Hold)
		default:
			b.ended[c] = errors.New("store: refused an update whose scope names no customer, wallet, transaction or hold")
			continue
		}
		batch.Queue(b.w.s.names.in(sql), of).QueryRow(func(row pgx.Row) error {
			switch err := row.Scan(text(&b.of[i])); {
			case errors.Is(err, pgx.ErrNoRows):
				b.ended[c] = fmt.Errorf("%w: %s", wallet.ErrNotFound, nameOf(c.Scope))
			case err != nil:
				return err
			case !c.Scope.Wallet.IsZero():
				b.w.s.owners.put(c.Scope.Wallet, b.of[i])
			}
			return nil
		})
	}
	if batch.Len() > 0 {
		if err := b.w.conn.Conn().SendBatch(b.w.ctx, &batch).Close(); err != nil {
			return err
		}
	}
	seen := map[wallet.CustomerID]bool{}
	for i, c := range b.calls {
		if of := b.of[i]; of != "" {
			c.Scope.Customer = of // the unit need not ask again
			if !seen[of] {
				seen[of] = true
				b.names = append(b.names, string(of))
			}
		}
	}
	slices.Sort(b.names)
	return nil
}

func nameOf(s store.Scope) string {
	switch {
	case !s.Wallet.IsZero():
		return "wallet " + s.Wallet.String()
	case !s.Transaction.IsZero():
		return "transaction " + s.Transaction.String()
	}
	return "hold " + s.Hold.String()
}

// addCustomers adds customers that are new: those that may be, or all that are not locked. To insert a row that somebody else has
// inserted and not committed is to wait for them, so it is done while nothing is locked, and not for long, unless this is the
// lane where one waits.
func (b *boarding) addCustomers(all bool) error {
	var fresh []string
	if all {
		fresh = b.missing()
	} else {
		create := map[string]bool{}
		for i, c := range b.calls {
			if c.Scope.Create && b.of[i] != "" && b.w.unit.Loaded(store.Scope{Customer: b.of[i]}) == nil {
				create[string(b.of[i])] = true
			}
		}
		for _, c := range b.names {
			if create[c] {
				fresh = append(fresh, c)
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	patience := "100ms"
	if b.w.wait != "" {
		patience = fmt.Sprintf("%dms", b.w.s.opts.Timeout.Milliseconds())
	}
	var batch pgx.Batch
	batch.Queue(begin)
	batch.Queue("SELECT set_config('lock_timeout', $1, true)", patience)
	batch.Queue(b.w.s.names.in(addCustomers), fresh)
	batch.Queue("COMMIT")
	err := b.w.conn.Conn().SendBatch(b.w.ctx, &batch).Close()
	if codeOf(err) == lockNotAvailable && b.w.wait == "" {
		rollback(b.w.conn.Conn())
		return nil // they stay unlocked, and get lanes of their own
	}
	return err
}

// lock begins the transaction, locks the customers, and reads.
func (b *boarding) lock() error {
	a, n := b.ahead, b.w.s.names
	clear(a.locked) // by a transaction that was rolled back
	var batch pgx.Batch
	batch.Queue(begin)
	b.w.queueSettings(&batch)
	switch {
	case b.w.wait != "":
		batch.Queue("SELECT set_config('lock_timeout', $1, true)", fmt.Sprintf("%dms", b.w.s.opts.Timeout.Milliseconds()))
		batch.Queue(n.in(lockCustomer), string(b.w.wait)).Query(a.readLocked)
	case len(b.names) == 1:
		batch.Queue(n.in(tryCustomer), b.names[0]).Query(a.readLocked)
	default:
		batch.Queue(n.in(lockCustomers), b.names).Query(a.readLocked)
	}
	// What follows sees what those have committed who had the locks before.
	var unknown []string
	for _, c := range b.names {
		if b.w.unit.Loaded(store.Scope{Customer: wallet.CustomerID(c)}) == nil {
			unknown = append(unknown, c)
		}
	}
	a.queueLoad(&batch, n, unknown)
	var of, keys []string
	for i, c := range b.calls {
		if c.Scope.Key != "" && b.of[i] != "" {
			of, keys = append(of, string(b.of[i])), append(keys, c.Scope.Key)
		}
	}
	a.queueOutcomes(&batch, n, of, keys)
	return b.w.conn.Conn().SendBatch(b.w.ctx, &batch).Close()
}

func (b *boarding) isLocked(c wallet.CustomerID) bool {
	_, locked := b.ahead.locked[c]
	return locked
}

// missing returns the customers that are not locked.
func (b *boarding) missing() (all []string) {
	for _, c := range b.names {
		if !b.isLocked(wallet.CustomerID(c)) {
			all = append(all, c)
		}
	}
	return all
}

// refresh drops what the unit has loaded of customers that others have written since, and reads it again.
func (b *boarding) refresh() error {
	var stale []string
	for _, c := range b.names {
		c := wallet.CustomerID(c)
		if _, read := b.ahead.loaded[c]; !read && b.isLocked(c) && !b.ahead.isRight(b.w.unit, c) {
			b.w.unit.Drop(c)
			stale = append(stale, string(c))
		}
	}
	if len(stale) == 0 {
		return nil
	}
	var batch pgx.Batch
	b.ahead.queueLoad(&batch, b.w.s.names, stale)
	return b.w.conn.Conn().SendBatch(b.w.ctx, &batch).Close()
}
