package postgres

import (
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A filter puts a condition together, with its arguments.
type filter struct {
	all  []string
	args []any
}

// add adds a condition, in which %d is the number of its argument.
func (f *filter) add(condition string, arg any) {
	f.args = append(f.args, arg)
	f.all = append(f.all, fmt.Sprintf(condition, len(f.args)))
}

// arg adds an argument for other purposes.
func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return fmt.Sprintf("$%d", len(f.args))
}

func (f *filter) String() string {
	if len(f.all) == 0 {
		return "true"
	}
	return strings.Join(f.all, " AND ")
}

func words[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, w := range list {
		all[i] = string(w)
	}
	return all
}

func walletFilter(q *wallet.WalletQuery) (f filter) {
	if q.Customer != "" {
		f.add("r.customer = $%d", string(q.Customer))
	}
	if q.Code != "" {
		f.add("r.code = $%d AND r.code <> ''", q.Code)
	}
	if q.Status != "" {
		f.add("r.status = $%d", string(q.Status))
	}
	if q.Currency != "" {
		f.add("r.currency = $%d", string(q.Currency))
	}
	return f
}

func (b *base) Wallets(q wallet.WalletQuery) iter.Seq2[*store.Wallet, error] {
	return func(yield func(*store.Wallet, error) bool) {
		skip, left := max(q.Offset, 0), q.Limit
		for {
			f := walletFilter(&q)
			if !q.After.IsZero() {
				f.add("r.wallet < $%d", id(q.After))
			}
			size := page
			if left > 0 {
				size = min(size, left)
			}
			found, err := collect(b, toWallet, selectWallet+"WHERE "+f.String()+" ORDER BY r.wallet DESC LIMIT "+f.arg(size)+" OFFSET "+f.arg(skip), f.args...)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, w := range found {
				if !yield(&w.Wallet, nil) {
					return
				}
				q.After = w.ID
			}
			if left -= len(found); len(found) < size || left == 0 {
				return
			}
			skip = 0
		}
	}
}

func (b *base) count(sql string, args ...any) (n int, err error) {
	err = b.rows(sql, func(r pgx.Rows) error { return r.Scan(&n) }, args...)
	return n, err
}

func (b *base) CountWallets(q wallet.WalletQuery) (int, error) {
	f := walletFilter(&q)
	return b.count("SELECT count(*) FROM {record} r WHERE "+f.String(), f.args...)
}

func (b *base) record(of wallet.TransactionID) (*record, error) {
	return one(b, toRecord, "transaction", of, selectTransaction+"WHERE t.id = $1", id(of))
}

func (b *base) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	t, err := b.record(id)
	if err != nil {
		return wallet.Transaction{}, err
	}
	return t.Transaction, nil
}

// transactionFilter is what a query asks of t, but for its wallet and customer. IDs begin with the instant of creation, which
// narrows the search.
func transactionFilter(q *wallet.TransactionQuery) (f filter) {
	if len(q.Kinds) > 0 {
		f.add("t.kind = ANY ($%d)", words(q.Kinds))
		consumed := false
		for _, k := range q.Kinds {
			consumed = consumed || k == wallet.Consumed
		}
		if !consumed {
			f.all = append(f.all, "t.kind <> 'consumed'") // there is an index for these
		}
	}
	switch {
	case len(q.States) == 1 && q.States[0] == wallet.Pending:
		f.all = append(f.all, "t.settled IS NULL AND t.failed IS NULL") // and for these
	case len(q.States) > 0:
		f.add(stateText+" = ANY ($%d)", words(q.States))
	}
	if q.Reference != "" {
		f.add("t.reference = $%d", q.Reference)
	}
	if !q.From.IsZero() {
		f.add("t.created >= $%d", q.From)
		f.add("t.id >= $%d", id(wallet.FirstAt(q.From)))
	}
	if !q.To.IsZero() {
		f.add("t.created < $%d", q.To)
	}
	return f
}

// owner adds whose transactions a query is about, and returns false if there are none.
func (b *base) owner(f *filter, q *wallet.TransactionQuery) (bool, error) {
	if q.Wallet.IsZero() {
		if q.Customer != "" {
			f.add("t.customer = $%d", string(q.Customer))
		}
		return true, nil
	}
	customer, err := b.customerOf(store.Scope{Wallet: q.Wallet})
	if isAbsent(err) || err == nil && q.Customer != "" && q.Customer != customer {
		return false, nil
	}
	f.add("t.customer = $%d", string(customer))
	f.add("t.wallet = $%d", id(q.Wallet))
	return true, err
}

func (b *base) CountTransactions(q wallet.TransactionQuery) (int, error) {
	f := transactionFilter(&q)
	if some, err := b.owner(&f, &q); !some || err != nil {
		return 0, err
	}
	if len(q.Kinds) == 0 && len(q.States) == 0 && q.Reference == "" && q.From.IsZero() && q.To.IsZero() {
		return b.count("SELECT coalesce(sum(t.txns), 0)::bigint FROM {balance} t WHERE "+f.String(), f.args...)
	}
	return b.count("SELECT count(*) FROM {transaction} t WHERE "+f.String(), f.args...)
}

func (b *base) Transactions(q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	return func(yield func(wallet.Transaction, error) bool) {
		skip, left := max(q.Offset, 0), q.Limit
		for {
			size := page
			if left > 0 {
				size = min(size, left)
			}
			found, err := b.transactions(&q, size, skip)
			if err != nil {
				yield(wallet.Transaction{}, err)
				return
			}
			for _, t := range found {
				if !yield(t.Transaction, nil) {
					return
				}
				q.After = t.ID
			}
			if left -= len(found); len(found) < size || left == 0 {
				return
			}
			skip = 0
		}
	}
}

// transactions returns a page. That of a customer without wallet is merged from one of each wallet, as the index has them.
func (b *base) transactions(q *wallet.TransactionQuery, size, skip int) ([]*record, error) {
	order, behind := "DESC", "<"
	if q.OldestFirst {
		order, behind = "ASC", ">"
	}
	f := transactionFilter(q)
	if !q.After.IsZero() {
		f.add("t.id "+behind+" $%d", id(q.After))
	}
	if q.Customer != "" && q.Wallet.IsZero() && q.Reference == "" {
		customer := f.arg(string(q.Customer))
		return collect(b, toRecord, fmt.Sprintf(`%s WHERE false UNION ALL (SELECT t.* FROM {record} r CROSS JOIN LATERAL (%s
WHERE t.customer = r.customer AND t.wallet = r.wallet AND %s ORDER BY t.id %s LIMIT %s) t
WHERE r.customer = %s ORDER BY t.id %s LIMIT %s OFFSET %s)`,
			selectTransaction, selectTransaction, f.String(), order, f.arg(size+skip), customer, order, f.arg(size), f.arg(skip)), f.args...)
	}
	if some, err := b.owner(&f, q); !some || err != nil {
		return nil, err
	}
	return collect(b, toRecord, selectTransaction+"WHERE "+f.String()+" ORDER BY t.id "+order+" LIMIT "+f.arg(size)+" OFFSET "+f.arg(skip), f.args...)
}

const (
	// drawnBy reads the first transactions of runs that drew from a lot, behind one of them, each with its neighbour.
	drawnBy = `SELECT d.transaction, t.* FROM (
	SELECT transaction FROM {drawn} WHERE customer = $1 AND lot = $3 AND transaction > $4 ORDER BY transaction LIMIT $5) d
CROSS JOIN LATERAL (
	` + selectTransaction + `WHERE t.customer = $1 AND t.wallet = $2 AND t.id >= d.transaction ORDER BY t.id LIMIT 2) t ORDER BY d.transaction, t.id`

	// runFrom reads on in a run, which ends before the first that did not draw from the lot.
	runFrom = selectTransaction + `WHERE t.customer = $1 AND t.wallet = $2 AND t.id > $3 ORDER BY t.id LIMIT $4`
)

func (b *base) Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error] {
	return func(yield func(wallet.Draw, error) bool) {
		fail := func(err error) { yield(wallet.Draw{}, err) }
		t, err := b.record(of)
		if err != nil {
			fail(err)
			return
		}
		give := func(by *record, only bool) bool {
			draws, err := parseDraws(&by.Transaction, by.lot, by.draws)
			if err != nil {
				fail(err)
				return false
			}
			for _, d := range draws {
				if only && d.Lot != of {
					continue
				}
				if skip > 0 {
					skip--
				} else if !yield(d, nil) {
					return false
				}
			}
			return true
		}
		skip = max(skip, 0)
		if !t.Kind.Inbound() {
			give(t, false)
			return
		}
		for by, err := range b.drawers(&t.Transaction) {
			if err != nil {
				fail(err)
				return
			}
			if !give(by, true) {
				return
			}
		}
	}
}

// drawers yields the transactions that drew from a lot, in order.
func (b *base) drawers(lot *wallet.Transaction) iter.Seq2[*record, error] {
	type marked struct {
		mark wallet.TransactionID
		*record
	}
	customer, of := string(lot.Customer), id(lot.Wallet)
	return func(yield func(*record, error) bool) {
		for last, mark := (wallet.TransactionID{}), (wallet.TransactionID{}); ; {
			marks, err := collect(b, func(r pgx.Rows) (m marked, err error) {
				m.record, err = scanTransaction(behind{r, uuid{&m.mark}})
				return m, err
			}, drawnBy, customer, of, id(lot.ID), id(mark), page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, m := range marks {
				mark = m.mark
				if m.ID.Compare(last) <= 0 || m.ID != mark && m.lot != lot.ID {
					continue
				}
				if last = m.ID; !yield(m.record, nil) {
					return
				}
				for run := m.ID != mark; run; {
					more, err := collect(b, toRecord, runFrom, customer, of, id(last), page)
					if err != nil {
						yield(nil, err)
						return
					}
					run = len(more) == page
					for _, t := range more {
						if run = run && t.lot == lot.ID; t.lot != lot.ID {
							break
						}
						if last = t.ID; !yield(t, nil) {
							return
						}
					}
				}
			}
			if len(marks) < page {
				return
			}
		}
	}
}

// A behind scans one column before others.
type behind struct {
	row   interface{ Scan(...any) error }
	first any
}

func (b behind) Scan(to ...any) error { return b.row.Scan(append([]any{b.first}, to...)...) }
