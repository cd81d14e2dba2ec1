package sqlite

import (
	"iter"

	"github.com/seed-12493b23/wallet"
)

// TO DO: see store/internal/unit/pending.go.

func (b *base) Hold(wallet.HoldID) (wallet.Hold, error) { return wallet.Hold{}, wallet.ErrNotFound }
func (b *base) Holds(wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(func(wallet.Hold, error) bool) {}
}
func (b *base) Events(wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(func(wallet.Event, error) bool) {}
}
