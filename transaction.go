package wallet

import (
	"slices"
	"time"
)

// A Transaction is one change of a wallet's credits. It never changes once it is settled or failed; a correction is a new
// transaction that names the one it Corrects.
type Transaction struct {
	ID       TransactionID `json:"id"`
	Wallet   ID            `json:"wallet"`
	Customer CustomerID    `json:"customer"`
	Kind     Kind          `json:"kind"`
	State    State         `json:"state"`
	Source   Source        `json:"source"`

	Credits Amount `json:"credits"` // positive; Kind.Inbound gives the sign
	Money   Money  `json:"money"`   // as paid, else credits × rate; may round to 0

	Priority  int               `json:"priority"`            // of the lot: 1 (first) to 255; 0 is not set, and comes last
	ExpiresAt time.Time         `json:"expires_at,omitzero"` // of the lot, exclusive; zero is never
	ExpiresIn time.Duration     `json:"expires_in,omitempty"`
	Name      string            `json:"name,omitempty"`
	Reference string            `json:"reference,omitempty"` // the host's document: an invoice, a payment
	Reason    string            `json:"reason,omitempty"`    // why it was voided, or failed
	Corrects  TransactionID     `json:"corrects,omitzero"`
	Pair      TransactionID     `json:"pair,omitzero"`    // the other half of a purchase with a grant that waits for it
	Rule      RuleID            `json:"rule,omitzero"`    // the rule that created it
	Hold      HoldID            `json:"hold,omitzero"`    // the hold it captured
	Origin    Kind              `json:"origin,omitempty"` // purchased or granted: of the credits that were refunded or transferred in
	Since     time.Time         `json:"since,omitzero"`   // when the lot they come from was opened
	Metadata  map[string]string `json:"metadata,omitempty"`

	BalanceAfter Amount    `json:"balance_after"` // the wallet's total when it was settled (while it is pending: created)
	CreatedAt    time.Time `json:"created_at"`
	SettledAt    time.Time `json:"settled_at,omitzero"`
	FailedAt     time.Time `json:"failed_at,omitzero"`
}

// Kind says what a transaction is for.
type Kind string

// The kinds: four inbound, four outbound.
const (
	Purchased      Kind = "purchased"       // credits the customer pays for
	Granted        Kind = "granted"         // free credits
	Refunded       Kind = "refunded"        // consumed credits that returned
	TransferredIn  Kind = "transferred_in"  // credits from another wallet of the customer
	Consumed       Kind = "consumed"        // credits that paid for fees
	Voided         Kind = "voided"          // credits taken back
	Expired        Kind = "expired"         // credits whose time was over
	TransferredOut Kind = "transferred_out" // credits to another wallet of the customer
)

// Inbound reports whether transactions of this kind add credits; the others remove them.
func (k Kind) Inbound() bool {
	return k == Purchased || k == Granted || k == Refunded || k == TransferredIn
}

// State says how far a transaction is.
type State string

// The states. Only inbound transactions are ever pending or failed.
const (
	Pending State = "pending"
	Settled State = "settled"
	Failed  State = "failed"
)

// Source says what asked for a transaction.
type Source string

// The sources.
const (
	SourceManual    Source = "manual"
	SourceInterval  Source = "interval"  // an interval rule
	SourceThreshold Source = "threshold" // a threshold rule
)

// A Lot is what remains of one settled inbound transaction, whose ID it bears.
type Lot struct {
	ID        TransactionID `json:"id"`
	Wallet    ID            `json:"wallet"`
	Kind      Kind          `json:"kind"` // its origin: purchased or granted
	Credits   Amount        `json:"credits"`
	Remaining Amount        `json:"remaining"` // at most Credits
	Held      Amount        `json:"held"`      // reserved by holds, at most Remaining
	Priority  int           `json:"priority"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"` // exclusive; zero is never
	OpenedAt  time.Time     `json:"opened_at"`
}

// Free returns what remains and is not held.
func (l Lot) Free() Amount { return l.Remaining.Sub(l.Held) }

// A Draw says how much of which lot an outbound transaction took.
type Draw struct {
	Lot     TransactionID `json:"lot"`
	By      TransactionID `json:"by"`
	Wallet  ID            `json:"wallet"`
	Kind    Kind          `json:"kind"` // of the outbound transaction
	Credits Amount        `json:"credits"`
	Amount  Amount        `json:"amount"`        // the money it stands for; the draws of a transaction sum to its Money
	Fee     string        `json:"fee,omitempty"` // the ID of the fee it paid for
}

// TopUp asks for paid credits (by number, or by what an amount of Money buys), granted credits, or both.
type TopUp struct {
	Paid          Amount `json:"paid,omitzero"`
	Granted       Amount `json:"granted,omitzero"`
	Money         Amount `json:"money,omitzero"`            // instead of Paid: buys money ÷ rate credits, rounded up at 12 decimals
	GrantOnSettle bool   `json:"grant_on_settle,omitempty"` // the grant waits for the purchase, and fails with it

	Priority  int               `json:"priority,omitempty"`
	ExpiresAt time.Time         `json:"expires_at,omitzero"`  // in the future
	ExpiresIn time.Duration     `json:"expires_in,omitempty"` // instead: counted from settlement
	Name      string            `json:"name,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Corrects  TransactionID     `json:"corrects,omitzero"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Key       string            `json:"key,omitempty"`
}

// Settlement is what a payment adds to the purchase that it settles: its keys are merged into the metadata. A repeat
// ignores it.
type Settlement struct {
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Debit asks to consume credits, or as many as an amount of Money takes, from one wallet for one fee.
type Debit struct {
	Credits   Amount            `json:"credits,omitzero"`
	Money     Amount            `json:"money,omitzero"` // instead of Credits: money ÷ rate, rounded down at 12 decimals
	Fee       Fee               `json:"fee,omitzero"`   // what it is for; its Amount stays zero
	Reference string            `json:"reference,omitempty"`
	Corrects  TransactionID     `json:"corrects,omitzero"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Key       string            `json:"key,omitempty"`
}

// A Fee is one line of a bill.
type Fee struct {
	ID     string  `json:"id,omitempty"` // unique within a charge; required if there are several
	Type   FeeType `json:"type,omitempty"`
	Metric string  `json:"metric,omitempty"`
	Amount Amount  `json:"amount"` // money, not negative
}

// Charge asks all wallets of a customer in one currency to pay a list of fees, in list order.
type Charge struct {
	Customer  CustomerID        `json:"customer"`
	Currency  Currency          `json:"currency"`
	Fees      []Fee             `json:"fees"`             // at most 1,000
	Whole     bool              `json:"whole,omitempty"`  // all of it, or [ErrInsufficient]
	Billed    bool              `json:"billed,omitempty"` // the fees leave the usage in progress
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Key       string            `json:"key,omitempty"`
}

// A Receipt says what a charge paid: a line per fee, in order, and a transaction per wallet used.
type Receipt struct {
	Currency     Currency      `json:"currency"`
	Lines        []Line        `json:"lines"`
	Transactions []Transaction `json:"transactions"`
	Covered      Amount        `json:"covered"`
	Uncovered    Amount        `json:"uncovered"`
}

// A Line says who paid how much of a fee.
type Line struct {
	Fee       Fee       `json:"fee"`
	Covered   Amount    `json:"covered"`
	Uncovered Amount    `json:"uncovered"`
	Payments  []Payment `json:"payments"`
}

// A Payment is one wallet's share of a fee.
type Payment struct {
	Wallet      ID            `json:"wallet"`
	Transaction TransactionID `json:"transaction,omitzero"` // zero in a preview
	Credits     Amount        `json:"credits"`
	Amount      Amount        `json:"amount"`
	Draws       []Draw        `json:"draws"`
}

// Void asks to remove credits in spending order, or from one lot, or all that is left.
type Void struct {
	Credits  Amount            `json:"credits,omitzero"`
	Lot      TransactionID     `json:"lot,omitzero"` // zero: any
	All      bool              `json:"all,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Corrects TransactionID     `json:"corrects,omitzero"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Key      string            `json:"key,omitempty"`
}

// Authorization asks to reserve credits of one wallet, or money of the customer's wallets in a currency as a charge would take
// it: all of it, or [ErrInsufficient].
type Authorization struct {
	Wallet    ID                `json:"wallet,omitzero"`
	Customer  CustomerID        `json:"customer,omitempty"` // instead of Wallet, with Currency
	Currency  Currency          `json:"currency,omitempty"`
	Credits   Amount            `json:"credits,omitzero"` // of one wallet
	Money     Amount            `json:"money,omitzero"`   // instead of Credits
	Fee       Fee               `json:"fee,omitzero"`     // what it is for; its Amount stays zero
	For       time.Duration     `json:"for,omitempty"`    // how long; zero is 24 hours, at most 30 days
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Key       string            `json:"key,omitempty"`
}

// A Hold is credits reserved by an authorization until they are captured or released.
type Hold struct {
	ID        HoldID            `json:"id"`
	Customer  CustomerID        `json:"customer"`
	Wallet    ID                `json:"wallet,omitzero"` // zero if over the customer's wallets
	Currency  Currency          `json:"currency"`
	State     State             `json:"state"` // HoldOpen, then one of the others for good
	Fee       Fee               `json:"fee,omitzero"`
	Credits   Amount            `json:"credits"`  // reserved at first
	Money     Money             `json:"money"`    // that they are worth, or that was asked for
	Captured  Money             `json:"captured"` // so far
	Parts     []HoldPart        `json:"parts"`    // what is still reserved, in the order it will be spent
	ExpiresAt time.Time         `json:"expires_at"`
	Reference string            `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	ClosedAt  time.Time         `json:"closed_at,omitzero"`
}

// Involves reports whether the hold is in a wallet, or still reserves something of it.
func (h Hold) Involves(id ID) bool {
	return h.Wallet == id || slices.ContainsFunc(h.Parts, func(p HoldPart) bool { return p.Wallet == id })
}

// A HoldPart is what a hold reserves of one wallet.
type HoldPart struct {
	Wallet  ID        `json:"wallet"`
	Credits Amount    `json:"credits"`
	Money   Amount    `json:"money"` // what the credits are to pay
	Lots    []HoldLot `json:"lots"`  // in the order they will be spent
}

// A HoldLot is what a hold reserves of one lot.
type HoldLot struct {
	Lot     TransactionID `json:"lot"`
	Credits Amount        `json:"credits"`
}

// The states of a hold.
const (
	HoldOpen     State = "open"
	HoldCaptured State = "captured"
	HoldReleased State = "released"
	HoldExpired  State = "expired"
)

// Capture asks to spend credits, or money, of a hold. What is not captured is released, unless More is to come.
type Capture struct {
	Credits Amount `json:"credits,omitzero"` // of a hold in one wallet
	Money   Amount `json:"money,omitzero"`   // instead of Credits
	More    bool   `json:"more,omitempty"`
	Over    Over   `json:"over,omitempty"`
	Key     string `json:"key,omitempty"`
}

// Over says what a capture does that asks for more than is held. The zero value is Reject.
type Over string

// What to do over the hold.
const (
	Reject  Over = ""        // [ErrInsufficient]
	Extend  Over = "extend"  // spend the excess from what else can be spent, all or nothing
	Partial Over = "partial" // spend as much of it as there is, and report the shortfall
)

// Captured is what a capture spent: a transaction per wallet.
type Captured struct {
	Transactions []Transaction `json:"transactions"`
	Shortfall    Amount        `json:"shortfall"` // in the unit the capture was asked in
}

// HoldQuery selects holds, newest first. The zero query selects all.
type HoldQuery struct {
	Customer CustomerID `json:"customer,omitempty"`
	Wallet   ID         `json:"wallet,omitzero"` // holds that reserve, or reserved, something of it
	States   []State    `json:"states,omitempty"`
	After    HoldID     `json:"after,omitzero"` // continue behind the last ID seen
	Limit    int        `json:"limit,omitempty"`
}

// Refund asks to return consumed credits, or as many as an amount of Money paid: the last drawn first. Zero of both is all
// that was not refunded yet.
type Refund struct {
	Credits  Amount            `json:"credits,omitzero"`
	Money    Amount            `json:"money,omitzero"`
	Reason   string            `json:"reason,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Key      string            `json:"key,omitempty"`
}

// Transfer asks to move credits between two wallets of one customer, of the same currency and rate.
type Transfer struct {
	Credits  Amount            `json:"credits,omitzero"`
	All      bool              `json:"all,omitempty"`
	Kind     Kind              `json:"kind,omitempty"` // only credits that are purchased, or granted; empty is both
	Metadata map[string]string `json:"metadata,omitempty"`
	Key      string            `json:"key,omitempty"`
}

// TransactionQuery selects transactions, newest first unless OldestFirst. The zero query selects all.
type TransactionQuery struct {
	Customer    CustomerID    `json:"customer,omitempty"`
	Wallet      ID            `json:"wallet,omitzero"`
	Kinds       []Kind        `json:"kinds,omitempty"`
	States      []State       `json:"states,omitempty"`
	Reference   string        `json:"reference,omitempty"`
	From        time.Time     `json:"from,omitzero"` // From ≤ CreatedAt
	To          time.Time     `json:"to,omitzero"`   // CreatedAt < To
	OldestFirst bool          `json:"oldest_first,omitempty"`
	After       TransactionID `json:"after,omitzero"`   // continue behind the last ID seen, at constant cost
	Offset      int           `json:"offset,omitempty"` // skip so many, at linear cost: for numbered pages
	Limit       int           `json:"limit,omitempty"`  // 0 is no end
}

// Selects reports whether the query's filters select t; After, Offset and Limit are not looked at.
func (q TransactionQuery) Selects(t Transaction) bool {
	return (q.Customer == "" || q.Customer == t.Customer) &&
		(q.Wallet.IsZero() || q.Wallet == t.Wallet) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, t.Kind)) &&
		(len(q.States) == 0 || slices.Contains(q.States, t.State)) &&
		(q.Reference == "" || q.Reference == t.Reference) &&
		(q.From.IsZero() || !t.CreatedAt.Before(q.From)) &&
		(q.To.IsZero() || t.CreatedAt.Before(q.To))
}

// An Event is one change of a wallet. The events of a wallet are numbered without gaps, in the order of their commits, and
// are written in the same commit as the change.
type Event struct {
	Cursor      Cursor        `json:"cursor"`
	Wallet      ID            `json:"wallet"`
	Customer    CustomerID    `json:"customer"`
	Number      int64         `json:"number"` // 1 is the wallet's first
	Kind        EventKind     `json:"kind"`
	At          time.Time     `json:"at"`
	Credits     Amount        `json:"credits"` // how many the change is about; of an alert, how many are left: none if net is negative
	Transaction TransactionID `json:"transaction,omitzero"`
	Hold        HoldID        `json:"hold,omitzero"`
	Rule        RuleID        `json:"rule,omitzero"`
	Alert       string        `json:"alert,omitempty"`  // the name of the alert
	Record      *Wallet       `json:"record,omitempty"` // created and updated: the wallet as it was written, without balance
}

// A Cursor is a place in the feed of events. The empty one is before the first.
type Cursor string

// EventKind says what happened.
type EventKind string

// The kinds of events. What Credits does to the balance stands beside each.
const (
	EventCreated        EventKind = "created"
	EventUpdated        EventKind = "updated"
	EventToppedUp       EventKind = "topped_up"       // joins Pending
	EventSettled        EventKind = "settled"         // leaves Pending, joins Spendable
	EventFailed         EventKind = "failed"          // leaves Pending, unless it had lapsed
	EventLapsed         EventKind = "lapsed"          // leaves Pending
	EventConsumed       EventKind = "consumed"        // leaves Spendable, joins Consumed
	EventVoided         EventKind = "voided"          // leaves Spendable
	EventExpired        EventKind = "expired"         // leaves Spendable
	EventHeld           EventKind = "held"            // leaves Spendable, joins Held
	EventCaptured       EventKind = "captured"        // leaves Held, joins Spendable, to be consumed
	EventReleased       EventKind = "released"        // leaves Held, joins Spendable: nothing, if all was captured before
	EventRefunded       EventKind = "refunded"        // leaves Consumed, joins Spendable
	EventTransferredOut EventKind = "transferred_out" // leaves Spendable
	EventTransferredIn  EventKind = "transferred_in"  // joins Spendable
	EventUsed           EventKind = "used"            // is Ongoing from now on
	EventFired          EventKind = "fired"           // a rule fired: what it created follows
	EventAlerted        EventKind = "alerted"         // at or below an alert's level; or so many credits expire within its time
	EventRecovered      EventKind = "recovered"       // above an alert's level again
	EventTerminated     EventKind = "terminated"      // leaves Spendable, joins Kept
)

// EventQuery selects events, oldest first. The zero query selects all.
type EventQuery struct {
	Customer CustomerID `json:"customer,omitempty"`
	Wallet   ID         `json:"wallet,omitzero"`
	After    Cursor     `json:"after,omitempty"` // continue behind the last cursor seen
	Limit    int        `json:"limit,omitempty"` // 0 is no end
}
