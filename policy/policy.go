// Package policy holds the choices a host can make about its wallets: in which order credits are spent, which fees a wallet
// pays, which purchases need no confirmation, and what a termination does with what is left.
//
// The zero [Policy] is complete. Functions in a policy run inside a command: they are pure, do no I/O and never call the
// engine. Prove one with storetest.Policy.
package policy

import "github.com/seed-12493b23/wallet"

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
}

// Always is an AutoComplete that settles every purchase at once.
func Always(wallet.Wallet, wallet.Transaction) bool { return true }

// Remainder says what becomes of the credits in a terminated wallet.
type Remainder int

const (
	VoidRemaining Remainder = iota // they are voided
	KeepRemaining                  // they stay visible as Balance.Kept, and cannot be spent
)
