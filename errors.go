package wallet

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The errors a command or a read returns, matched with [errors.Is]. Those that carry data are returned as a struct, found
// with [errors.As], that matches its sentinel.
var (
	// ErrInvalid is returned when a request breaks a bound or names something that cannot be. See [InvalidError].
	ErrInvalid = errors.New("wallet: invalid request")

	// ErrNotFound is returned when a wallet, transaction, rule or hold is not there.
	ErrNotFound = errors.New("wallet: not found")

	// ErrTerminated is returned by every command on a terminated wallet, but by those that repeat what was done before.
	ErrTerminated = errors.New("wallet: wallet is terminated")

	// ErrNotPending is returned when a finished transaction or hold is asked to finish otherwise. See [NotPendingError].
	ErrNotPending = errors.New("wallet: not pending")

	// ErrExpired is returned when a purchase is settled, or a hold captured, at or after its expiry.
	ErrExpired = errors.New("wallet: expired")

	// ErrInsufficient is returned when there is less to take than was asked for. See [InsufficientError].
	ErrInsufficient = errors.New("wallet: insufficient credits")

	// ErrNotApplicable is returned when the wallet of a debit does not cover its fee.
	ErrNotApplicable = errors.New("wallet: wallet does not cover the fee")

	// ErrCurrency is returned by a transfer between wallets of different currencies or rates.
	ErrCurrency = errors.New("wallet: currencies or rates differ")

	// ErrLimit is returned when a top-up is outside the wallet's limits, or when a figure would need more than 18 digits
	// before the point or 12 after it.
	ErrLimit = errors.New("wallet: limit exceeded")

	// ErrKeyReused is returned when a key was used before for a different request.
	ErrKeyReused = errors.New("wallet: key was used for another request")

	// ErrConflict is returned when a store gave up retrying, or when the outcome of a commit is unknown. Repeating the
	// command under the same key is safe.
	ErrConflict = errors.New("wallet: conflict")
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field string // path of the field in lower_snake, as in "rules[2].target"
	Value string // what was given, cut after 64 bytes
	Issue string // what is wrong with it
}

// InvalidError lists every bad field of a request. It matches [ErrInvalid].
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString("wallet: invalid request")
	for i, f := range e.Fields {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s %q %s", sep, f.Field, f.Value, f.Issue)
	}
	return b.String()
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Add notes that field, which holds value, has an issue.
func (e *InvalidError) Add(field, value, issue string) {
	const most = 64
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	e.Fields = append(e.Fields, FieldError{Field: field, Value: value, Issue: issue})
}

// Err returns e, or nil if nothing was added.
func (e *InvalidError) Err() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

// invalid returns an [InvalidError] for a single field.
func invalid(field, value, issue string) error {
	e := new(InvalidError)
	e.Add(field, value, issue)
	return e
}

// NotPendingError tells how the transaction or hold had ended. It matches [ErrNotPending].
type NotPendingError struct {
	State  State     // what it is now
	At     time.Time // since when
	Reason string    // why it failed, if it did
}

func (e *NotPendingError) Error() string {
	s := fmt.Sprintf("wallet: not pending: %s since %s", e.State, e.At.UTC().Format(time.RFC3339Nano))
	if e.Reason != "" {
		s += fmt.Sprintf(" (%s)", e.Reason)
	}
	return s
}

// Is reports whether target is [ErrNotPending].
func (e *NotPendingError) Is(target error) bool { return target == ErrNotPending }

// InsufficientError tells what was needed and what there was: money if Currency is set, else credits. It matches
// [ErrInsufficient].
type InsufficientError struct {
	Wallet            ID // zero if it was asked of several wallets
	Needed, Available Amount
	Currency          Currency
}

func (e *InsufficientError) Error() string {
	unit := "credits"
	if e.Currency != "" {
		unit = string(e.Currency)
	}
	s := fmt.Sprintf("wallet: insufficient credits: %s %s needed, %s available", e.Needed, unit, e.Available)
	if !e.Wallet.IsZero() {
		s += fmt.Sprintf(" in wallet %s", e.Wallet)
	}
	return s
}

// Is reports whether target is [ErrInsufficient].
func (e *InsufficientError) Is(target error) bool { return target == ErrInsufficient }
