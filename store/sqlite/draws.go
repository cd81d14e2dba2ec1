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
			draws, err := parseDraws(t.draws, &t.Transaction, t.prev)
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
	_, by, found, err := b.mark(lot, n+page-1)
	if err == nil && !found {
		by, found, err = b.lastDrawFrom(lot)
	}
	if !found || err != nil {
		return nil, err
	}
	var draws []draw
	for first := n + 1; first > n; { // first is the number of the first draw among those of by
		t, err := b.record(by)
		if err != nil {
			return nil, err
		}
		all, err := parseDraws(t.draws, &t.Transaction, t.prev)
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

// lastDrawFrom returns the last transaction that drew from a lot.
func (b *base) lastDrawFrom(lot wallet.TransactionID) (by wallet.TransactionID, found bool, err error) {
	l, err := b.LoadLot(lot)
	if errors.Is(err, wallet.ErrNotFound) {
		drawn, err := b.LoadDrawn(lot)
		return drawn.Last, drawn.Len > 0, err
	}
	if err != nil {
		return by, false, err
	}
	w, err := b.LoadWallet(l.Wallet)
	if err != nil {
		return by, false, err
	}
	if w.Hot.ID == lot {
		l.Drawn = w.Hot.Drawn
	}
	return l.Drawn.Last, l.Drawn.Len > 0, nil
}

func (b *base) LoadDrawn(lot wallet.TransactionID) (c unit.Chain, err error) {
	c.Len, c.Last, _, err = b.lastMark(lot)
	return c, err
}
