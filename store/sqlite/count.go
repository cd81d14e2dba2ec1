package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

var sumOfLens = newQuery("SELECT sum(len) FROM wallet_state")

func (b *base) CountTransactions(q wallet.TransactionQuery) (int, error) {
	q.After, q.Offset, q.Limit = wallet.TransactionID{}, 0, 0
	switch {
	case q.Reference != "":
		n := 0
		for _, err := range b.Transactions(q) {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	case !q.Wallet.IsZero():
		w, err := b.LoadWallet(q.Wallet)
		if errors.Is(err, wallet.ErrNotFound) || err == nil && q.Customer != "" && q.Customer != w.Wallet.Customer {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return b.countOf(w, &q)
	case q.Customer != "":
		n := 0
		for w, err := range b.Wallets(wallet.WalletQuery{Customer: q.Customer}) {
			if err != nil {
				return 0, err
			}
			of := q
			of.Wallet = w.ID
			more, err := b.CountTransactions(of)
			if err != nil {
				return 0, err
			}
			n += more
		}
		return n, nil
	case len(q.Kinds) == 0 && len(q.States) == 0 && q.From.IsZero() && q.To.IsZero():
		n, err := number(b, sumOfLens)
		return int(n), err
	}
	s := spanOf(&q)
	n, err := number(b, queryOf("SELECT count(*) FROM wallet_txn t WHERE t.id >= ?1 AND t.id < ?2 AND "+filter(&q)), s.from, s.to)
	return int(n), err
}

// countOf counts what the query selects of a wallet. What is not consumed is rare, so the consumed are the others.
func (b *base) countOf(w *unit.Wallet, q *wallet.TransactionQuery) (int, error) {
	s := spanOf(q)
	from, to := int64(0), w.Chain.Len
	var err error
	if !q.From.IsZero() {
		if from, err = b.number(w, s.from); err != nil {
			return 0, err
		}
	}
	if !q.To.IsZero() {
		if to, err = b.number(w, s.to); err != nil {
			return 0, err
		}
	}
	n := max(0, to-from)
	if len(q.Kinds) == 0 && len(q.States) == 0 {
		return int(n), nil
	}
	var rare, selected int64
	_, err = one(b, queryOf("SELECT count(*), sum("+filter(q)+`) FROM wallet_txn t INDEXED BY wallet_txn_rare
WHERE t.kind <> 2 AND t.wallet = ?1 AND t.id >= ?2 AND t.id < ?3`), func(row []driver.Value) error {
		r := reader{row: row}
		rare, selected = r.int(), r.int()
		return r.err
	}, w.No, s.from, s.to)
	if (len(q.Kinds) == 0 || slices.Contains(q.Kinds, wallet.Consumed)) &&
		(len(q.States) == 0 || slices.Contains(q.States, wallet.Settled)) { // which the consumed always are
		selected += n - rare
	}
	return int(selected), err
}

// filter is a condition for the kinds and states of a query.
func filter(q *wallet.TransactionQuery) string {
	return "(" + among("t.kind", kinds, q.Kinds) + " AND " + among("t.state", states, q.States) + ")"
}

func among[T ~string](column string, words, wanted []T) string {
	if len(wanted) == 0 {
		return "1"
	}
	var codes []string
	for i, w := range words {
		if slices.Contains(wanted, w) {
			codes = append(codes, fmt.Sprint(i))
		}
	}
	return column + " IN (" + strings.Join(codes, ", ") + ")"
}
