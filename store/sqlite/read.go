package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A base reads what is in the database, on one connection, in a transaction that others have begun.
type base struct {
	session
	recent *recent // keys; nil: all are looked up

	owners map[int64]owner                // of wallets, which never change
	ids    map[int64]wallet.TransactionID // of transactions, which never change

	ahead ahead
}

var _ unit.Base = (*base)(nil)

func newBase(s session) *base {
	return &base{session: s, owners: map[int64]owner{}, ids: map[int64]wallet.TransactionID{}}
}

// An owner is what a transaction's row leaves out.
type owner struct {
	wallet   wallet.ID
	customer wallet.CustomerID
	currency wallet.Currency
}

// nameless selects expressions, which are separated by spaces. Before the first row the driver copies the name and the declared
// type of each column: under a name of one byte, and with a plus as if they were computed, they cost it nothing. Text keeps its
// type: a host's connections may be such that what has none, and looks like a date, is read as one.
func nameless(expressions string) string {
	return "SELECT " + strings.Join(strings.Fields(expressions), " AS x, ") + " AS x"
}

// selectWallet reads what scanWallet expects.
var selectWallet = nameless(`+r.no +r.id +r.customer c.id r.currency +r.rate r.name r.code +r.priority r.applies_to +r.expires
	+r.min_paid +r.max_paid r.rules r.metadata r.status +r.created +r.terminated r.lot_order +r.notes
	+s.spendable +o.held +o.pending +o.ongoing +s.consumed +o.kept +s.updated +o.next_due +s.last +s.events
	+s.len +s.tail +o.tail +o.unnumbered +o.hot +s.remaining +o.hot_held +s.drawn +o.hot_by`) + `
FROM wallet_record r JOIN wallet_state s ON s.no = r.no JOIN wallet_rest o ON o.no = r.no JOIN wallet_customer c ON c.no = r.customer `

var (
	walletByID   = newQuery(selectWallet + "WHERE r.id = ?1")
	activeOf     = newQuery(selectWallet + "WHERE r.customer = ?1 AND r.status = 'active' ORDER BY r.id")
	besidesOf    = newQuery(selectWallet + "WHERE r.customer = (SELECT customer FROM wallet_record WHERE id = ?1) AND (r.status = 'active' OR r.id = ?1) ORDER BY r.id")
	customerByID = newQuery("SELECT no FROM wallet_customer WHERE id = ?1")
	walletOf     = newQuery("SELECT r.id FROM wallet_txn t JOIN wallet_record r ON r.no = t.wallet WHERE t.id = ?1")
)

// scanWallet reads a row of selectWallet, with the number of its customer.
func scanWallet(row []driver.Value) (w *unit.Wallet, customer int64, err error) {
	r := reader{row: row}
	w = new(unit.Wallet)
	w.No = r.int()
	w.ID.SetBytes(r.uuid())
	customer = r.int()
	w.Wallet.Customer = wallet.CustomerID(r.text())
	w.Currency = wallet.Currency(r.text())
	w.Rate = r.amount()
	w.Name, w.Code, w.Priority = r.text(), r.text(), int(r.int())
	r.json(&w.AppliesTo)
	w.ExpiresAt = r.time()
	w.Limits.MinPaid, w.Limits.MaxPaid = r.amount(), r.amount()
	r.json(&w.Rules)
	r.json(&w.Metadata)
	w.Status = wallet.Status(r.text())
	w.CreatedAt, w.TerminatedAt = r.time(), r.time()
	w.Order, w.Notes = r.text(), r.blob()
	s, b := &w.State, &w.State.Balance
	b.Spendable, b.Held, b.Pending, b.Ongoing, b.Consumed, b.Kept = r.amount(), r.amount(), r.amount(), r.amount(), r.amount(), r.amount()
	s.UpdatedAt, s.NextDue, s.Last, s.Events = r.time(), r.time(), r.txn(), r.int()
	w.Chain.Len, w.Chain.Last = r.int(), r.int()
	if w.Tail = r.txn(); w.Chain.Len > 0 && w.Tail.IsZero() {
		w.Tail = s.Last
	}
	w.Events = s.Events - r.int()
	h := &w.Hot
	h.ID, h.Remaining, h.Held, h.Drawn.Len, h.Drawn.Last = r.txn(), r.amount(), r.amount(), r.int(), r.int()
	if h.Drawn.Len > 0 && h.Drawn.Last == 0 {
		h.Drawn.Last = w.Chain.Last
	}
	return w, customer, r.err
}

func (b *base) Load(s store.Scope) (*unit.Customer, []*unit.Wallet, error) {
	if f := b.ahead.families[s]; f != nil {
		return f.customer, f.wallets, nil
	}
	c := new(unit.Customer)
	var wallets []*unit.Wallet
	each := func(row []driver.Value) error {
		w, customer, err := scanWallet(row)
		if err != nil {
			return err
		}
		c.ID, c.No = w.Wallet.Customer, customer
		wallets = append(wallets, w)
		return nil
	}
	if s.Customer != "" {
		c.ID = s.Customer
		no, err := number(b, customerByID, string(s.Customer))
		if no == 0 || err != nil {
			return c, nil, err
		}
		c.No = no
		return c, wallets, b.rows(activeOf, each, no)
	}
	of := s.Wallet
	if of.IsZero() {
		found, err := one(b, walletOf, func(row []driver.Value) error {
			r := reader{row: row}
			of.SetBytes(r.uuid())
			return r.err
		}, uuid(s.Transaction))
		if err != nil {
			return nil, nil, err
		}
		if !found {
			return nil, nil, fmt.Errorf("%w: transaction %s", wallet.ErrNotFound, s.Transaction)
		}
	}
	if err := b.rows(besidesOf, each, uuid(of)); err != nil {
		return nil, nil, err
	}
	if len(wallets) == 0 {
		return nil, nil, fmt.Errorf("%w: wallet %s", wallet.ErrNotFound, of)
	}
	return c, wallets, nil
}

func (b *base) LoadWallet(id wallet.ID) (w *unit.Wallet, err error) {
	found, err := one(b, walletByID, func(row []driver.Value) error {
		w, _, err = scanWallet(row)
		return err
	}, uuid(id))
	if err == nil && !found {
		err = fmt.Errorf("%w: wallet %s", wallet.ErrNotFound, id)
	}
	return w, err
}

func (b *base) Wallet(id wallet.ID) (*store.Wallet, error) {
	w, err := b.LoadWallet(id)
	if err != nil {
		return nil, err
	}
	return &w.Wallet, nil
}

func (b *base) ActiveWallets(id wallet.CustomerID) (active []*store.Wallet, err error) {
	no, err := number(b, customerByID, string(id))
	if no == 0 || err != nil {
		return nil, err
	}
	err = b.rows(activeOf, func(row []driver.Value) error {
		w, _, err := scanWallet(row)
		active = append(active, &w.Wallet)
		return err
	}, no)
	return active, err
}

const lotValues = "+l.key +l.id +l.txn +l.kind +l.credits +l.remaining +l.held +l.priority +l.expires +l.opened +l.drawn +l.drawn_by"

// The selects of lots: of one wallet, of any, which has its wallet's ID in front, and of any as it is: the hot ones have something
// elsewhere.
var (
	selectLot   = nameless(lotValues) + " FROM wallet_lot l "
	selectLotOf = nameless("+r.id "+lotValues) + " FROM wallet_lot l JOIN wallet_record r ON r.no = l.wallet "

	selectOpenLot = nameless(`+r.id +l.key +l.id +l.txn +l.kind +l.credits iif(o.hot=l.id,s.remaining,l.remaining) iif(o.hot=l.id,o.hot_held,l.held)
	+l.priority +l.expires +l.opened +l.drawn +l.drawn_by`) + `
FROM wallet_lot l JOIN wallet_record r ON r.no = l.wallet JOIN wallet_state s ON s.no = l.wallet JOIN wallet_rest o ON o.no = l.wallet `
)

var (
	lotsBehind  = newQuery(selectLot + "WHERE l.wallet = ?1 AND l.key > coalesce(?2, x'') ORDER BY l.key") // LIMIT ? has it compiled anew each time
	lotByID     = newQuery(selectLotOf + "WHERE l.id = ?1")
	lotsExpired = newQuery(selectLot + `WHERE l.wallet = ?1 AND l.expires IS NOT NULL AND (l.expires, l.key) > (?2, coalesce(?3, x'')) AND l.expires <= ?4
ORDER BY l.expires, l.key LIMIT 64`)

	openLotByID = newQuery(selectOpenLot + "WHERE l.id = ?1")
	nextOpenLot = newQuery(selectOpenLot + "WHERE l.wallet = (SELECT no FROM wallet_record WHERE id = ?1) AND l.key > coalesce(?2, x'') ORDER BY l.key LIMIT 1")
)

// scanLot reads lotValues.
func scanLot(r *reader) *unit.Lot {
	l := new(unit.Lot)
	l.Key, l.ID, l.No = r.blob(), r.txn(), r.int()
	l.Kind = word(r, kinds)
	l.Credits, l.Remaining, l.Held = r.amount(), r.amount(), r.amount()
	l.Priority, l.ExpiresAt, l.OpenedAt = int(r.int()), r.time(), r.time()
	l.Drawn.Len, l.Drawn.Last = r.int(), r.int()
	return l
}

// scanLotIn reads a lot of a wallet.
func scanLotIn(w *unit.Wallet, row []driver.Value) (*unit.Lot, error) {
	r := reader{row: row}
	l := scanLot(&r)
	l.Wallet = w.ID
	return l, r.err
}

// scanLotOf reads lotValues behind the wallet's ID.
func scanLotOf(row []driver.Value) (*unit.Lot, error) {
	r := reader{row: row}
	w := r.uuid()
	l := scanLot(&r)
	l.Wallet.SetBytes(w)
	return l, r.err
}

func (b *base) LoadLots(w *unit.Wallet, after []byte, n int) (lots []*unit.Lot, err error) {
	if w.No == 0 {
		return nil, nil
	}
	if after == nil && n == unit.Head {
		if lots, found, err := b.headOf(w); found || err != nil {
			return lots, err
		}
	}
	err = b.rows(lotsBehind, func(row []driver.Value) error {
		l, err := scanLotIn(w, row)
		if lots = append(lots, l); err == nil && len(lots) == n {
			err = errStop
		}
		return err
	}, w.No, after)
	if errors.Is(err, errStop) {
		err = nil
	}
	return lots, err
}

func (b *base) lot(q *query, id wallet.TransactionID) (l *unit.Lot, err error) {
	found, err := one(b, q, func(row []driver.Value) error {
		l, err = scanLotOf(row)
		return err
	}, uuid(id))
	if err == nil && !found {
		err = fmt.Errorf("%w: open lot %s", wallet.ErrNotFound, id)
	}
	return l, err
}

func (b *base) LoadLot(id wallet.TransactionID) (*unit.Lot, error) { return b.lot(lotByID, id) }

func (b *base) Lot(id wallet.TransactionID) (store.Lot, error) {
	l, err := b.lot(openLotByID, id)
	if err != nil {
		return store.Lot{}, err
	}
	return l.Lot, nil
}

func (b *base) NextLot(w wallet.ID, after []byte) (store.Lot, bool, error) {
	var l *unit.Lot
	found, err := one(b, nextOpenLot, func(row []driver.Value) (err error) {
		l, err = scanLotOf(row)
		return err
	}, uuid(w), after)
	if !found || err != nil {
		return store.Lot{}, false, err
	}
	return l.Lot, true, nil
}

func (b *base) LoadExpiring(w *unit.Wallet, upTo time.Time) iter.Seq2[*unit.Lot, error] {
	return func(yield func(*unit.Lot, error) bool) {
		if w.No == 0 {
			return
		}
		expires, key := int64(math.MinInt64), []byte(nil)
		for {
			var page []*unit.Lot
			err := b.rows(lotsExpired, func(row []driver.Value) error {
				l, err := scanLotIn(w, row)
				page = append(page, l)
				return err
			}, w.No, expires, key, upTo.UnixMicro())
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) == 0 {
				return
			}
			last := page[len(page)-1]
			expires, key = last.ExpiresAt.UnixMicro(), last.Key
			for _, l := range page {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

func (b *base) ExpiringLots(id wallet.ID, upTo time.Time) iter.Seq2[store.Lot, error] {
	return func(yield func(store.Lot, error) bool) {
		w, err := b.LoadWallet(id)
		if err != nil {
			yield(store.Lot{}, err)
			return
		}
		for l, err := range b.LoadExpiring(w, upTo) {
			if err != nil {
				yield(store.Lot{}, err)
				return
			}
			if l.ID == w.Hot.ID {
				l.Remaining, l.Held = w.Hot.Remaining, w.Hot.Held
			}
			if !yield(l.Lot, nil) {
				return
			}
		}
	}
}

var selectOutcome = newQuery(`SELECT k.fingerprint, r.id, t.id, k.more FROM wallet_key k LEFT JOIN wallet_record r ON r.no = k.wallet LEFT JOIN wallet_txn t ON t.no = k.txn
WHERE k.key = ?1 AND k.customer = (SELECT no FROM wallet_customer WHERE id = ?2)`)

// came is what an outcome has beyond a wallet and one transaction, which have columns.
type came struct {
	Wallet       wallet.ID              `json:"wallet,omitzero"`
	Transactions []wallet.TransactionID `json:"transactions,omitempty"`
	Hold         wallet.HoldID          `json:"hold,omitzero"`
}

func (b *base) Outcome(customer wallet.CustomerID, key string) (o store.Outcome, found bool, err error) {
	if b.recent != nil {
		if unknown, err := b.recent.unknown(b, customer, key); unknown || err != nil {
			return o, false, err
		}
	}
	found, err = one(b, selectOutcome, func(row []driver.Value) error {
		r := reader{row: row}
		o.Fingerprint = r.uuid()
		o.Wallet.SetBytes(r.uuid())
		if id := r.txn(); !id.IsZero() {
			o.Transactions = []wallet.TransactionID{id}
		}
		var more came
		r.json(&more)
		if !more.Wallet.IsZero() {
			o.Wallet = more.Wallet
		}
		o.Transactions, o.Hold = append(o.Transactions, more.Transactions...), more.Hold
		return r.err
	}, key, string(customer))
	return o, found, err
}

var selectDue = newQuery(`SELECT o.next_due, o.no, c.id FROM wallet_rest o JOIN wallet_record r ON r.no = o.no JOIN wallet_customer c ON c.no = r.customer
WHERE o.next_due IS NOT NULL AND (o.next_due, o.no) > (?1, ?2) AND o.next_due <= ?3 AND r.status = 'active'
ORDER BY o.next_due, o.no LIMIT 256`)

func (b *base) Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error] {
	return func(yield func(wallet.CustomerID, error) bool) {
		seen := map[wallet.CustomerID]bool{}
		due, no := int64(math.MinInt64), int64(0)
		for {
			var page []wallet.CustomerID
			n := 0
			err := b.rows(selectDue, func(row []driver.Value) error {
				r := reader{row: row}
				due, no = r.int(), r.int()
				n++
				if id := wallet.CustomerID(r.text()); !seen[id] {
					seen[id] = true
					page = append(page, id)
				}
				return r.err
			}, due, no, upTo.UnixMicro())
			if err != nil {
				yield("", err)
				return
			}
			for _, id := range page {
				if !yield(id, nil) {
					return
				}
			}
			if n == 0 {
				return
			}
		}
	}
}
