package sqlite

import (
	"bytes"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// An ahead is what was read for several calls of a batch at once, which costs half as much: customers before the calls are run,
// the first lots of their wallets when one of them is asked for. The unit's changes are written later: it stays right that long.
type ahead struct {
	families map[store.Scope]*family
	numbers  []int64               // of the wallets that calls name, whose lots were not read
	heads    map[int64][]*unit.Lot // by the wallet's number
}

// A family is a customer with its active wallets.
type family struct {
	customer *unit.Customer
	wallets  []*unit.Wallet
}

const (
	several = 16 // how much a statement reads
	worth   = 4  // fewer are read one by one
)

var (
	familiesByWallet   = newQuery(selectWallet + "WHERE r.customer IN (SELECT customer FROM wallet_record WHERE id IN (" + params("?%d", ", ") + ")) AND r.status = 'active'")
	familiesByCustomer = newQuery(selectWallet + "WHERE r.customer IN (SELECT no FROM wallet_customer WHERE id IN (" + params("?%d", ", ") + ")) AND r.status = 'active'")

	headsOf = newQuery(params(fmt.Sprintf("SELECT * FROM (%s FROM wallet_lot l WHERE l.wallet = ?%%d ORDER BY l.key LIMIT %d)", nameless("l.wallet "+lotValues), unit.Head), "\nUNION ALL "))
)

// params returns a text for each parameter, and the separator between them.
func params(format, separator string) string {
	texts := make([]string, several)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(texts, separator)
}

// lookAhead reads the customers of the calls that the unit has not loaded. If it cannot, each call finds out for itself.
func (b *base) lookAhead(u *unit.Unit, calls []*lane.Call) {
	if len(calls) < worth {
		return
	}
	asked := map[store.Scope]bool{}
	var wallets, customers []driver.Value
	for _, c := range calls {
		s := store.Scope{Customer: c.Scope.Customer}
		if s.Customer == "" {
			s.Wallet = c.Scope.Wallet
		}
		switch {
		case s == store.Scope{} || c.Scope.Create || asked[s] || u.Loaded(s) != nil:
			continue
		case s.Customer != "":
			customers = append(customers, string(s.Customer))
		default:
			wallets = append(wallets, uuid(s.Wallet))
		}
		asked[s] = true
	}
	b.ahead.families = make(map[store.Scope]*family, len(asked))
	if b.readFamilies(familiesByWallet, wallets, asked) != nil || b.readFamilies(familiesByCustomer, customers, asked) != nil {
		b.ahead = ahead{}
	}
}

func (b *base) readFamilies(q *query, ids []driver.Value, asked map[store.Scope]bool) error {
	if len(ids) < worth {
		return nil
	}
	for some := range slices.Chunk(ids, several) {
		found := map[int64]*family{}
		err := b.rows(q, func(row []driver.Value) error {
			w, no, err := scanWallet(row)
			if err != nil {
				return err
			}
			f := found[no]
			if f == nil {
				f = &family{customer: &unit.Customer{ID: w.Wallet.Customer, No: no}}
				found[no] = f
				if s := (store.Scope{Customer: f.customer.ID}); asked[s] {
					b.ahead.families[s] = f
				}
			}
			f.wallets = append(f.wallets, w)
			if s := (store.Scope{Wallet: w.ID}); asked[s] && b.ahead.families[s] == nil {
				b.ahead.families[s] = f
				b.ahead.numbers = append(b.ahead.numbers, w.No)
			}
			return nil
		}, fill(some)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// fill adds NULLs, which nothing equals, to the arguments of a statement.
func fill(args []driver.Value) []driver.Value {
	full := make([]driver.Value, several)
	copy(full, args)
	return full
}

// headOf returns the first lots of a wallet, if it is one of several whose lots were not read, or have been read together.
func (b *base) headOf(w *unit.Wallet) (lots []*unit.Lot, found bool, err error) {
	a := &b.ahead
	if i := slices.Index(a.numbers, w.No); i >= 0 {
		end := min(i+several, len(a.numbers))
		if end-i >= worth {
			err = b.readHeads(a.numbers[i:end])
		}
		a.numbers = slices.Delete(a.numbers, i, end)
	}
	lots, found = a.heads[w.No]
	for _, l := range lots {
		l.Wallet = w.ID
	}
	return lots, found, err
}

func (b *base) readHeads(numbers []int64) error {
	read, args := map[int64][]*unit.Lot{}, make([]driver.Value, 0, several)
	for _, no := range numbers {
		read[no] = nil
		args = append(args, no)
	}
	err := b.rows(headsOf, func(row []driver.Value) error {
		r := reader{row: row}
		no := r.int()
		read[no] = append(read[no], scanLot(&r))
		return r.err
	}, fill(args)...)
	if err != nil {
		return err
	}
	if b.ahead.heads == nil {
		b.ahead.heads = map[int64][]*unit.Lot{}
	}
	for no, lots := range read {
		slices.SortFunc(lots, func(x, y *unit.Lot) int { return bytes.Compare(x.Key, y.Key) })
		b.ahead.heads[no] = lots
	}
	return nil
}
