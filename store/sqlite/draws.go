package sqlite

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// The draws from a lot are a chain as the transactions of a wallet are: each knows the transaction that drew before it, the
// lot the last, and every so many there is a milestone, as there is for the last draw of a lot that is closed.

func (b *base) Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error] {
	return func(yield func(wallet.Draw, error) bool) {
		skip := int64(max(skip, 0))
		t, err := b.record(of)
		if err != nil {
			yield(wallet.Draw{}, err)
			return
		}
		if !t.Kind.Inbound() {
			draws, err := b.parseDraws(&t)
			if err != nil {
				yield(wallet.Draw{}, err)
				return
			}
			for _, d := range draws[min(skip, int64(len(draws))):] {
				if !yield(d.Draw, nil) {
					return
				}
			}
			return
		}
		for {
			draws, err := b.drawsFrom(of, skip+1)
			if err != nil {
				yield(wallet.Draw{}, err)
				return
			}
			if len(draws) == 0 {
				return
			}
			for _, d := range draws {
				if !yield(d.Draw, nil) {
					return
				}
			}
			skip += int64(len(draws))
		}
	}
}

// drawsFrom returns draws from a lot, from number n on: up to a milestone a page away, or to the last.
func (b *base) drawsFrom(lot wallet.TransactionID, n int64) ([]draw, error) {
	end, err := b.mark(lot, n+page-1)
	if err == nil && end.Len == 0 {
		end, err = b.drawn(lot)
	}
	if end.Len == 0 || err != nil {
		return nil, err
	}
	var draws []draw
	var rows follower
	for by, first := end.Last, n+1; first > n; { // first is the number of the first draw among those of by
		t, err := rows.record(b, by)
		if err != nil {
			return nil, err
		}
		all, err := b.parseDraws(t)
		if err != nil {
			return nil, err
		}
		first = 0
		for _, d := range slices.Backward(all) {
			if d.Lot != lot {
				continue
			}
			if first, by = d.n, d.prev; d.n >= n {
				draws = append(draws, d)
			}
		}
		if first == 0 {
			return nil, fmt.Errorf("sqlite: transaction %s draws nothing from lot %s", t.ID, lot)
		}
		if first == 1 {
			break
		}
	}
	slices.Reverse(draws)
	return draws, nil
}

// drawn returns the draws made from a lot.
func (b *base) drawn(lot wallet.TransactionID) (unit.Chain, error) {
	l, err := b.LoadLot(lot)
	if errors.Is(err, wallet.ErrNotFound) {
		return b.LoadDrawn(lot)
	}
	if err != nil {
		return unit.Chain{}, err
	}
	w, err := b.LoadWallet(l.Wallet)
	if err != nil {
		return unit.Chain{}, err
	}
	if w.Hot.ID == lot {
		l.Drawn = w.Hot.Drawn
	}
	return l.Drawn, nil
}

func (b *base) LoadDrawn(lot wallet.TransactionID) (unit.Chain, error) { return b.lastMark(lot) }

// A follower reads transactions from the last to the first, as a lot was drawn from: many at a time, as long as they mostly
// follow each other in their wallet too.
type follower struct {
	rows   map[int64]*record
	used   int
	single bool
}

func (f *follower) record(b *base, no int64) (*record, error) {
	if t := f.rows[no]; t != nil {
		f.used++
		return t, nil
	}
	const few = page / 8
	f.single = f.single || f.rows != nil && f.used < few
	steps := int64(page)
	if f.single {
		steps = 1
	}
	rows, err := b.records(selectChain, no, steps, int64(0))
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("sqlite: transaction number %d is not there", no)
	}
	if err != nil {
		return nil, err
	}
	f.rows, f.used = make(map[int64]*record, len(rows)), 1
	for i := range rows {
		f.rows[rows[i].no] = &rows[i]
	}
	return f.rows[no], nil
}
