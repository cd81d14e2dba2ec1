package wallet

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
)

// CustomerID is the host's own name for a customer: 1 to 255 bytes of UTF-8 without control characters.
type CustomerID string

// FeeType says what a fee is for. The well-known ones are below; any other [a-z][a-z0-9_]{0,63} is the host's own.
type FeeType string

// The well-known fee types.
const (
	FeeSubscription FeeType = "subscription"
	FeeCharge       FeeType = "charge"
	FeeCommitment   FeeType = "commitment"
)

// A Wallet holds prepaid credits of one customer, in one currency, at one rate: these never change.
type Wallet struct {
	ID       ID         `json:"id"`
	Customer CustomerID `json:"customer"`
	Currency Currency   `json:"currency"`
	Rate     Amount     `json:"rate"` // money per credit, from 0.000001 to 999999.999999, at most 6 decimals

	Name      string            `json:"name,omitempty"`
	Code      string            `json:"code,omitempty"` // unique among the customer's active wallets, if set
	Priority  int               `json:"priority"`       // 1 (first) to 255; 0 is not set, and comes last
	AppliesTo AppliesTo         `json:"applies_to"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"` // exclusive; zero is never
	Limits    Limits            `json:"limits,omitzero"`
	Rules     []Rule            `json:"rules,omitempty"`    // at most 50
	Metadata  map[string]string `json:"metadata,omitempty"` // at most 50 keys of 100 bytes, values of 500

	Status       Status    `json:"status"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"` // the instant of the latest change booked
	TerminatedAt time.Time `json:"terminated_at,omitzero"`

	Balance Balance `json:"balance"` // as of the read
}

// Money returns what credits are worth: credits × rate, rounded half-even at 12 decimals.
func (w Wallet) Money(credits Amount) Money {
	return Money{Amount: credits.Mul(w.Rate).Round(12, RoundHalfEven), Currency: w.Currency}
}

// Status says whether a wallet can be used. Terminated is final.
type Status string

// The two states of a wallet.
const (
	Active     Status = "active"
	Terminated Status = "terminated"
)

// Balance is what a wallet holds, in credits. The balance that is never negative is Spendable + Held + Kept.
type Balance struct {
	Spendable Amount `json:"spendable"` // can be spent now
	Held      Amount `json:"held"`      // reserved by holds
	Pending   Amount `json:"pending"`   // purchases to be settled, and the grants that wait for them
	Ongoing   Amount `json:"ongoing"`   // usage in progress, not yet charged
	Consumed  Amount `json:"consumed"`  // spent so far
	Kept      Amount `json:"kept"`      // left over by a termination; never spendable
}

// Net returns Spendable − Ongoing. It can be negative.
func (b Balance) Net() Amount { return b.Spendable.Sub(b.Ongoing) }

// Total returns Spendable + Held + Kept: the sum of what remains in the wallet's lots.
func (b Balance) Total() Amount { return b.Spendable.Add(b.Held).Add(b.Kept) }

// AppliesTo says which fees a wallet pays: those whose type or whose metric is listed, or every fee if nothing is listed.
type AppliesTo struct {
	FeeTypes []FeeType `json:"fee_types,omitempty"`
	Metrics  []string  `json:"metrics,omitempty"`
}

// Covers reports whether the wallet may pay the fee. Both lists count: {charge; gpu} covers every charge, and whatever else
// is metered as gpu. A fee with neither type nor metric is covered only if both lists are empty.
func (a AppliesTo) Covers(f Fee) bool {
	if len(a.FeeTypes) == 0 && len(a.Metrics) == 0 {
		return true
	}
	return f.Type != "" && slices.Contains(a.FeeTypes, f.Type) || f.Metric != "" && slices.Contains(a.Metrics, f.Metric)
}

// Limits bound the paid credits of every single top-up. Zero is no bound.
type Limits struct {
	MinPaid Amount `json:"min_paid,omitzero"`
	MaxPaid Amount `json:"max_paid,omitzero"`
}

// A Rule tops a wallet up by itself: at intervals, or when the net balance falls to a threshold.
type Rule struct {
	ID      RuleID  `json:"id,omitzero"` // zero when the rule is to be added
	Trigger Trigger `json:"trigger"`
	Method  Method  `json:"method"`

	Every       Period `json:"every,omitempty"` // of an interval rule
	Threshold   Amount `json:"threshold"`       // of a threshold rule: fires at this net balance or below
	Paid        Amount `json:"paid"`            // fixed: credits to buy
	Granted     Amount `json:"granted"`         // fixed: credits to grant; beside paid ones they wait for the purchase
	Target      Amount `json:"target"`          // target: the net balance to reach
	GrantTarget bool   `json:"grant_target,omitempty"`

	StartsAt  time.Time `json:"starts_at,omitzero"`  // nothing fires before; the first occurrence of an interval rule
	ExpiresAt time.Time `json:"expires_at,omitzero"` // exclusive; zero is never

	// Of the transactions that the rule creates.
	Name      string            `json:"name,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Priority  int               `json:"priority"`
	ExpiresIn time.Duration     `json:"expires_in,omitempty"`
	UntilNext bool              `json:"until_next,omitempty"` // interval: what one occurrence created expires at the next
}

// Trigger says what makes a rule fire.
type Trigger string

// The triggers.
const (
	TriggerInterval  Trigger = "interval"  // every Period, from the anchor
	TriggerThreshold Trigger = "threshold" // when spendable − usage in progress + pending falls to the threshold
)

// Method says how many credits a rule creates. The zero value is MethodFixed; as text it is "fixed".
type Method string

// The methods.
const (
	MethodFixed  Method = ""       // so many paid and granted credits
	MethodTarget Method = "target" // as many as the target balance lacks
)

// MarshalText returns "fixed" or the method.
func (m Method) MarshalText() ([]byte, error) {
	if m == MethodFixed {
		return []byte("fixed"), nil
	}
	return []byte(m), nil
}

// UnmarshalText reads what MarshalText wrote.
func (m *Method) UnmarshalText(text []byte) error {
	if *m = Method(text); *m == "fixed" {
		*m = MethodFixed
	}
	return nil
}

// Period is the time between two occurrences of an interval rule, in UTC and in calendar arithmetic.
type Period string

// The periods.
const (
	Weekly     Period = "weekly"
	Monthly    Period = "monthly"
	Quarterly  Period = "quarterly"
	Semiannual Period = "semiannual"
	Yearly     Period = "yearly"
)

// Spec asks for a wallet. Customer, Currency and Rate are required.
type Spec struct {
	Customer  CustomerID        `json:"customer"`
	Currency  Currency          `json:"currency"`
	Rate      Amount            `json:"rate"`
	Name      string            `json:"name,omitempty"`
	Code      string            `json:"code,omitempty"`
	Priority  int               `json:"priority,omitempty"`
	AppliesTo AppliesTo         `json:"applies_to,omitzero"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"`
	Limits    Limits            `json:"limits,omitzero"`
	Rules     []Rule            `json:"rules,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	TopUp     TopUp             `json:"top_up,omitzero"` // booked with the wallet; its own Key stays empty
	Key       string            `json:"key,omitempty"`   // makes repeating the request harmless
}

// Changes asks for changes to an active wallet. What is nil stays; what is empty is cleared.
type Changes struct {
	Name      *string           `json:"name,omitempty"`
	Code      *string           `json:"code,omitempty"`
	Priority  *int              `json:"priority,omitempty"`
	AppliesTo *AppliesTo        `json:"applies_to,omitempty"`
	ExpiresAt *time.Time        `json:"expires_at,omitempty"`
	Limits    *Limits           `json:"limits,omitempty"`
	Rules     []Rule            `json:"rules,omitzero"` // replaces the list: a rule with the ID of a present one stays that rule
	Metadata  map[string]string `json:"metadata,omitzero"`
	Key       string            `json:"key,omitempty"`
}

// Set returns a pointer to v, for the fields of [Changes].
func Set[T any](v T) *T { return &v }

// WalletQuery selects wallets, newest first. The zero query selects all.
type WalletQuery struct {
	Customer CustomerID `json:"customer,omitempty"`
	Code     string     `json:"code,omitempty"`
	Status   Status     `json:"status,omitempty"`
	Currency Currency   `json:"currency,omitempty"`
	After    ID         `json:"after,omitzero"`   // continue behind the last ID seen, at constant cost
	Offset   int        `json:"offset,omitempty"` // skip so many, at linear cost: for numbered pages
	Limit    int        `json:"limit,omitempty"`  // 0 is no end
}

// Collect returns what a sequence yields as a slice, and the error that ended it, if any.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// ID names a wallet. It is a UUID; those the engine mints are of version 7, from the instant of the command. The zero ID
// names nothing. IDs are comparable, and their order is the order they were minted in, up to the microsecond.
type ID struct{ id }

// TransactionID names a transaction, and the lot that an inbound transaction opens. Those of one wallet increase in the
// order the transactions were booked.
type TransactionID struct{ id }

// RuleID names a recurring top-up rule of a wallet.
type RuleID struct{ id }

// HoldID names a hold.
type HoldID struct{ id }

// Compare orders IDs by their bytes: earlier minted first.
func (i ID) Compare(j ID) int { return i.compare(j.id) }

// Compare orders IDs by their bytes: earlier minted first.
func (i TransactionID) Compare(j TransactionID) int { return i.compare(j.id) }

// Compare orders IDs by their bytes: earlier minted first.
func (i RuleID) Compare(j RuleID) int { return i.compare(j.id) }

// Compare orders IDs by their bytes: earlier minted first.
func (i HoldID) Compare(j HoldID) int { return i.compare(j.id) }

// ParseID reads an ID in canonical form, as in 0193e0a1-7c00-7000-8000-000000000001. Anything else is [ErrInvalid].
func ParseID(s string) (ID, error) { u, err := parseID(s); return ID{u}, err }

// ParseTransactionID is like [ParseID], for a [TransactionID].
func ParseTransactionID(s string) (TransactionID, error) {
	u, err := parseID(s)
	return TransactionID{u}, err
}

// ParseRuleID is like [ParseID], for a [RuleID].
func ParseRuleID(s string) (RuleID, error) { u, err := parseID(s); return RuleID{u}, err }

// ParseHoldID is like [ParseID], for a [HoldID].
func ParseHoldID(s string) (HoldID, error) { u, err := parseID(s); return HoldID{u}, err }

// MintID returns a new ID for a wallet created at the instant at; it is greater than after.
func MintID(after ID, at time.Time) ID { return ID{mint(after.id, at)} }

// MintTransactionID returns a new ID for a transaction booked at the instant at; it is greater than after, the ID that its
// wallet's last transaction has.
func MintTransactionID(after TransactionID, at time.Time) TransactionID {
	return TransactionID{mint(after.id, at)}
}

// MintRuleID returns a new ID for a rule added at the instant at; it is greater than after.
func MintRuleID(after RuleID, at time.Time) RuleID { return RuleID{mint(after.id, at)} }

// MintHoldID returns a new ID for a hold authorized at the instant at; it is greater than after.
func MintHoldID(after HoldID, at time.Time) HoldID { return HoldID{mint(after.id, at)} }

// FirstAt returns the least transaction ID that can be minted at the instant at: a bound for searching by time.
func FirstAt(at time.Time) TransactionID { return TransactionID{assemble(at.UnixMicro(), 0)} }

// id is what the four ID types share.
type id struct{ u uuid.UUID }

// String returns the canonical form, 36 characters.
func (i id) String() string { return i.u.String() }

// IsZero reports whether the ID names nothing.
func (i id) IsZero() bool { return i == id{} }

func (i id) compare(j id) int { return bytes.Compare(i.u[:], j.u[:]) }

// Bytes returns the 16 bytes of the UUID, whose order is the order of the IDs. SetBytes is its inverse.
func (i id) Bytes() [16]byte { return i.u }

// SetBytes makes the ID the one with these bytes, as [ID.Bytes] gave them.
func (i *id) SetBytes(b [16]byte) { i.u = b }

// MarshalText returns the canonical form.
func (i id) MarshalText() ([]byte, error) { return i.u.MarshalText() }

// UnmarshalText reads the canonical form; anything else is [ErrInvalid] and leaves the ID as it was.
func (i *id) UnmarshalText(text []byte) error {
	parsed, err := parseID(string(text))
	if err == nil {
		*i = parsed
	}
	return err
}

// Value returns the canonical form, for a database.
func (i id) Value() (driver.Value, error) { return i.String(), nil }

// Scan reads the canonical form from a database. NULL and the empty string are [ErrInvalid].
func (i *id) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return i.UnmarshalText([]byte(s))
	case []byte:
		return i.UnmarshalText(s)
	}
	return invalid("id", fmt.Sprint(src), "is not a UUID")
}

func parseID(s string) (id, error) {
	const canonical = 36
	u, err := uuid.Parse(s)
	if err != nil || len(s) != canonical {
		return id{}, invalid("id", s, "is not a UUID in canonical form")
	}
	return id{u}, nil
}

// idBits is how many bits of an ID are free to tell apart the IDs of one microsecond. The topmost of them is left clear in
// the first ID, so that its successors have room.
const idBits = 64

// mint returns a UUID of version 7 whose 48-bit milliseconds are followed by ten bits of microseconds: random within the
// microsecond, but greater than last.
func mint(last id, at time.Time) id {
	us, random := at.UnixMicro(), rand.Uint64()>>1
	if last.compare(assemble(us, 0)) < 0 {
		return assemble(us, random)
	}
	us, tail := disassemble(last)
	step := 1 + random>>32
	if tail+step < tail { // 2^32 IDs in one microsecond: borrow from the next
		us++
	}
	return assemble(us, tail+step)
}

// assemble lays out an ID: milliseconds, version, microseconds and two bits of the tail, variant, the other 62 bits.
func assemble(us int64, tail uint64) id {
	var u uuid.UUID
	ms, rest := uint64(us)/1000, uint64(us)%1000
	binary.BigEndian.PutUint64(u[:8], ms<<16|7<<12|rest<<2|tail>>(idBits-2))
	binary.BigEndian.PutUint64(u[8:], 2<<62|tail&(1<<(idBits-2)-1))
	return id{u}
}

func disassemble(i id) (us int64, tail uint64) {
	head := binary.BigEndian.Uint64(i.u[:8])
	us = int64(head>>16*1000 + head&0xfff>>2)
	tail = head&3<<(idBits-2) | binary.BigEndian.Uint64(i.u[8:])&(1<<(idBits-2)-1)
	return us, tail
}
