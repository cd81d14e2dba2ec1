package sqlite

import (
	"database/sql/driver"
	"fmt"
	"iter"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// conditions returns what the query's filters ask of r, the wallet's record, and the arguments.
func conditions(q *wallet.WalletQuery) (string, []driver.Value) {
	where, args := []string{"1"}, []driver.Value{}
	add := func(condition string, arg driver.Value) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if q.Customer != "" {
		add("r.customer = (SELECT no FROM wallet_customer WHERE id = ?%d)", string(q.Customer))
	}
	if q.Code != "" {
		add("r.code = ?%d", q.Code)
	}
	if q.Status != "" {
		add("r.status = ?%d", string(q.Status))
	}
	if q.Currency != "" {
		add("r.currency = ?%d", string(q.Currency))
	}
	return strings.Join(where, " AND "), args
}

func (b *base) Wallets(q wallet.WalletQuery) iter.Seq2[*store.Wallet, error] {
	return func(yield func(*store.Wallet, error) bool) {
		where, args := conditions(&q)
		n := len(args)
		text := fmt.Sprintf("%sWHERE %s AND r.id < ?%d ORDER BY r.id DESC LIMIT ?%d OFFSET ?%d", selectWallet, where, n+1, n+2, n+3)
		end, skip, left := lastID, max(q.Offset, 0), q.Limit
		if !q.After.IsZero() {
			after := q.After.Bytes()
			end = after[:]
		}
		for {
			size := page
			if left > 0 {
				size = min(size, left)
			}
			var found []*store.Wallet
			err := b.rows(queryOf(text), func(row []driver.Value) error {
				w, _, err := scanWallet(row)
				found = append(found, &w.Wallet)
				return err
			}, append(args[:n:n], end, int64(size), int64(skip))...)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, w := range found {
				if !yield(w, nil) {
					return
				}
			}
			if len(found) < size || left == len(found) {
				return
			}
			last := found[len(found)-1].ID.Bytes()
			end, skip, left = last[:], 0, max(left-len(found), 0)
		}
	}
}

func (b *base) CountWallets(q wallet.WalletQuery) (int, error) {
	where, args := conditions(&q)
	n, err := number(b, queryOf("SELECT count(*) FROM wallet_record r WHERE "+where), args...)
	return int(n), err
}
