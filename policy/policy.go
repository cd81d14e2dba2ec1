// Package policy holds the choices a host can make about its wallets: in which order credits are spent, which fees a wallet
// pays, which purchases need no confirmation, and what a termination does with what is left.
//
// The zero [Policy] is complete. Functions in a policy run inside a command: they are pure, do no I/O and never call the
// engine. Prove one with storetest.Policy.
package policy

import (
	"time"

	"github.com/seed-12493b23/wallet"
)

// Policy is a set of choices. The zero value of each field is the default described there.
type Policy struct {
	// Order is the order in which lots are spent; nil is [DefaultOrder].
	Order Order

	// Applies reports whether the wallet pays for the fee; nil is what the wallet's AppliesTo covers.
	Applies func(wallet.Wallet, wallet.Fee) bool

	// AutoComplete reports whether a purchase is settled as it is created; nil lets every purchase wait for Settle.
	AutoComplete func(wallet.Wallet, wallet.Transaction) bool

	// OnTerminate says what becomes of the credits in a terminated wallet.
	OnTerminate Remainder

	// RefundGrace is how long refunded credits live whose lot has expired meanwhile; zero: they expire at once.
	RefundGrace time.Duration

	// Alerts are reported in the feed of events, each crossing once.
	Alerts []Alert
}

// An Alert is a level of a wallet's credits, or a time before they expire, that the host wants to hear of.
type Alert struct {
	Name   string
	Of     Figure        // what is watched; zero: spendable credits
	Level  wallet.Amount // alerts at it or below, recovers above
	Within time.Duration // of expiring credits, instead of Level
}

// Figure is what an [Alert] watches.
type Figure int

const (
	Spendable Figure = iota // Balance.Spendable
	Net                     // Balance.Net
	Expiring                // credits that expire within the alert's time
)

// Covers reports whether the wallet pays for the fee: what Applies says, or its default.
func (p *Policy) Covers(w *wallet.Wallet, f wallet.Fee) bool {
	if p.Applies == nil {
		return w.AppliesTo.Covers(f)
	}
	return p.Applies(*w, f)
}

// Completes reports whether a purchase is settled as it is created: what AutoComplete says, or its default.
func (p *Policy) Completes(w *wallet.Wallet, t wallet.Transaction) bool {
	return p.AutoComplete != nil && p.AutoComplete(*w, t)
}

// Always is an AutoComplete that settles every purchase at once.
func Always(wallet.Wallet, wallet.Transaction) bool { return true }

// Remainder says what becomes of the credits in a terminated wallet.
type Remainder int

const (
	VoidRemaining Remainder = iota // they are voided
	KeepRemaining                  // they stay visible as Balance.Kept, and cannot be spent
)
