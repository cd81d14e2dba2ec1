package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// What columns are scanned into. NULL is the zero value of each.

// An instant scans a timestamptz.
type instant struct{ to *time.Time }

func (i instant) ScanTimestamptz(v pgtype.Timestamptz) error {
	if *i.to = (time.Time{}); v.Valid {
		*i.to = v.Time.UTC()
	}
	return nil
}

// A uuid scans an ID.
type uuid struct {
	to interface{ SetBytes([16]byte) }
}

func (u uuid) ScanUUID(v pgtype.UUID) error {
	u.to.SetBytes(v.Bytes)
	return nil
}

// A decimal scans an amount that was cast to text.
type decimal struct{ to *wallet.Amount }

func (d decimal) ScanText(v pgtype.Text) (err error) {
	*d.to, err = wallet.ParseAmount(v.String)
	return err
}

// A word scans text.
type word[T ~string] struct{ to *T }

func (w word[T]) ScanText(v pgtype.Text) error {
	*w.to = T(v.String)
	return nil
}

func text[T ~string](to *T) word[T] { return word[T]{to} }

// A document scans JSON.
type document struct{ to any }

func (d document) ScanBytes(v []byte) error {
	if v == nil {
		return nil
	}
	return json.Unmarshal(v, d.to)
}

// ids scans an array of IDs.
type ids[T any, P interface {
	*T
	SetBytes([16]byte)
}] struct{ to *[]T }

func (l ids[T, P]) SetDimensions(dims []pgtype.ArrayDimension) error {
	if len(dims) > 0 { // else it stays as it is
		*l.to = make([]T, dims[0].Length)
	}
	return nil
}
func (l ids[T, P]) ScanIndex(i int) any { return uuid{P(&(*l.to)[i])} }
func (l ids[T, P]) ScanIndexType() any  { return uuid{} }

// The reverse: what parameters are given. A nil any is NULL.

func id(i interface{ Bytes() [16]byte }) any { return pgtype.UUID{Bytes: i.Bytes(), Valid: true} }

// someID is NULL for the zero ID.
func someID(i interface{ Bytes() [16]byte }) any {
	b := i.Bytes()
	if b == [16]byte{} {
		return nil
	}
	return pgtype.UUID{Bytes: b, Valid: true}
}

func digits(a wallet.Amount) any { return a.String() }

// at is NULL for the zero time.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return pgtype.Timestamptz{Time: t, Valid: true}
}

// some is NULL for "".
func some(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// asJSON is NULL unless there is something.
func asJSON(v any, something bool) (any, error) {
	if !something {
		return nil, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// more is what most transactions do not have.
type more struct {
	Priority  int                  `json:"priority,omitempty"`
	ExpiresAt time.Time            `json:"expires_at,omitzero"`
	ExpiresIn time.Duration        `json:"expires_in,omitempty"` // nanoseconds
	Name      string               `json:"name,omitempty"`
	Reason    string               `json:"reason,omitempty"`
	Corrects  wallet.TransactionID `json:"corrects,omitzero"`
	Pair      wallet.TransactionID `json:"pair,omitzero"`
	Rule      wallet.RuleID        `json:"rule,omitzero"`
	Hold      wallet.HoldID        `json:"hold,omitzero"`
	Origin    wallet.Kind          `json:"origin,omitempty"`
	Since     time.Time            `json:"since,omitzero"`
	Metadata  map[string]string    `json:"metadata,omitzero"`
}

// moreOf is NULL if t has nothing more.
func moreOf(t *wallet.Transaction) (any, error) {
	something := t.Priority != 0 || !t.ExpiresAt.IsZero() || t.ExpiresIn != 0 || t.Name != "" || t.Reason != "" || !t.Corrects.IsZero() ||
		!t.Pair.IsZero() || !t.Rule.IsZero() || !t.Hold.IsZero() || t.Origin != "" || !t.Since.IsZero() || t.Metadata != nil
	if !something {
		return nil, nil
	}
	return asJSON(more{t.Priority, t.ExpiresAt, t.ExpiresIn, t.Name, t.Reason, t.Corrects, t.Pair, t.Rule, t.Hold, t.Origin, t.Since, t.Metadata}, true)
}

func (m *more) to(t *wallet.Transaction) {
	t.Priority, t.ExpiresAt, t.ExpiresIn, t.Name, t.Reason, t.Corrects = m.Priority, m.ExpiresAt, m.ExpiresIn, m.Name, m.Reason, m.Corrects
	t.Pair, t.Rule, t.Hold, t.Origin, t.Since, t.Metadata = m.Pair, m.Rule, m.Hold, m.Origin, m.Since, m.Metadata
}

// A drawing is a draw as it is in the draws of a transaction: a list of lot, credits, amount and fee.
type drawing struct{ *wallet.Draw }

func (d drawing) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{d.Lot, d.Credits, d.Amount, d.Fee})
}

func (d drawing) UnmarshalJSON(text []byte) error {
	parts := []any{&d.Lot, &d.Credits, &d.Amount, &d.Fee}
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if len(parts) != 4 {
		return fmt.Errorf("postgres: a draw of %d parts", len(parts))
	}
	return nil
}

// drawsOf returns what the columns lot and draws of a transaction are given.
func drawsOf(t *wallet.Transaction, draws []wallet.Draw) (lot, list any, err error) {
	if len(draws) == 0 {
		return nil, nil, nil
	}
	lot = id(draws[0].Lot)
	if len(draws) == 1 && draws[0].Fee == "" {
		return lot, nil, nil // its credits and amount are the transaction's
	}
	all := make([]drawing, len(draws))
	for i := range draws {
		all[i] = drawing{&draws[i]}
	}
	list, err = asJSON(all, true)
	return lot, list, err
}

// parseDraws is the reverse of drawsOf.
func parseDraws(t *wallet.Transaction, lot wallet.TransactionID, list []byte) ([]wallet.Draw, error) {
	if lot.IsZero() {
		return nil, nil
	}
	if list == nil {
		return []wallet.Draw{{Lot: lot, By: t.ID, Wallet: t.Wallet, Kind: t.Kind, Credits: t.Credits, Amount: t.Money.Amount}}, nil
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(list, &rows); err != nil {
		return nil, err
	}
	draws := make([]wallet.Draw, len(rows))
	for i := range rows {
		draws[i] = wallet.Draw{By: t.ID, Wallet: t.Wallet, Kind: t.Kind}
		if err := (drawing{&draws[i]}).UnmarshalJSON(rows[i]); err != nil {
			return nil, fmt.Errorf("postgres: draws of transaction %s: %w", t.ID, err)
		}
	}
	return draws, nil
}

// A happening is an event as it is in the feed.
type happening struct {
	Kind        wallet.EventKind     `json:"kind"`
	At          int64                `json:"at"` // microseconds since 1970
	Credits     wallet.Amount        `json:"credits"`
	Transaction wallet.TransactionID `json:"transaction,omitzero"`
	Hold        wallet.HoldID        `json:"hold,omitzero"`
	Rule        wallet.RuleID        `json:"rule,omitzero"`
	Alert       string               `json:"alert,omitempty"`
	Record      *wallet.Wallet       `json:"record,omitempty"`
}

func (h *happening) event() wallet.Event {
	return wallet.Event{
		Kind: h.Kind, At: time.UnixMicro(h.At).UTC(), Credits: h.Credits, Transaction: h.Transaction, Hold: h.Hold, Rule: h.Rule, Alert: h.Alert,
		Record: h.Record,
	}
}

// selectWallet reads what scanWallet expects. Whatever the planner believes, it finds one state for each record.
const selectWallet = `SELECT r.customer, r.wallet, r.currency, r.rate::text, r.name, r.code, r.priority, r.applies_to, r.expires, r.min_paid::text,
	r.max_paid::text, r.rules, r.metadata, r.status, r.created, r.terminated, r.lot_order, r.notes, s.spendable::text, s.held::text, s.pending::text,
	s.ongoing::text, s.consumed::text, s.kept::text, s.updated, s.next_due, s.last, s.events, s.events - s.unnumbered,
	CASE WHEN s.txns > 0 THEN coalesce(s.tail, s.last) END, s.txns, s.hot, coalesce(s.hot_held, 0)::text, coalesce(s.remaining, 0)::text, coalesce(s.hot_by, s.txns)
FROM {record} r CROSS JOIN LATERAL (SELECT * FROM {balance} s WHERE s.customer = r.customer AND s.wallet = r.wallet OFFSET 0) s `

func scanWallet(row interface{ Scan(...any) error }) (*unit.Wallet, error) {
	w := new(unit.Wallet)
	b, s, h := &w.State.Balance, &w.State, &w.Hot
	err := row.Scan(text(&w.Wallet.Wallet.Customer), uuid{&w.ID}, text(&w.Currency), decimal{&w.Rate}, &w.Name, &w.Code, &w.Priority, document{&w.AppliesTo},
		instant{&w.ExpiresAt}, decimal{&w.Limits.MinPaid}, decimal{&w.Limits.MaxPaid}, document{&w.Rules}, document{&w.Metadata}, text(&w.Status),
		instant{&w.CreatedAt}, instant{&w.TerminatedAt}, &w.Order, &w.Notes, decimal{&b.Spendable}, decimal{&b.Held}, decimal{&b.Pending},
		decimal{&b.Ongoing}, decimal{&b.Consumed}, decimal{&b.Kept}, instant{&s.UpdatedAt}, instant{&s.NextDue}, uuid{&s.Last}, &s.Events,
		&w.Events, uuid{&w.Tail}, &w.Chain.Len, uuid{&h.ID}, decimal{&h.Held}, decimal{&h.Remaining}, &h.Drawn.Last)
	if w.No, w.Chain.Last = 1, w.Chain.Len; h.ID.IsZero() {
		w.Hot = unit.Hot{}
	}
	return w, err
}

// selectLot reads what scanLot expects, of lots l.
const selectLot = `SELECT l.wallet, l.key, l.id, l.kind, l.credits::text, (CASE WHEN s.hot = l.id THEN s.remaining ELSE l.remaining END)::text,
	(CASE WHEN s.hot = l.id THEN s.hot_held ELSE l.held END)::text, l.priority, l.expires, l.opened
FROM {lot} l CROSS JOIN LATERAL (SELECT hot, remaining, hot_held FROM {balance} s WHERE s.customer = l.customer AND s.wallet = l.wallet OFFSET 0) s `

func scanLot(row interface{ Scan(...any) error }) (*unit.Lot, error) {
	l := new(unit.Lot)
	err := row.Scan(uuid{&l.Wallet}, &l.Key, uuid{&l.ID}, text(&l.Kind), decimal{&l.Credits}, decimal{&l.Remaining}, decimal{&l.Held}, &l.Priority,
		instant{&l.ExpiresAt}, instant{&l.OpenedAt})
	return l, err
}

// A record is a transaction with what its row says of its draws.
type record struct {
	wallet.Transaction
	lot   wallet.TransactionID
	draws []byte
}

// stateText is, in SQL, the state of a transaction t.
const stateText = "CASE WHEN t.settled IS NOT NULL THEN 'settled' WHEN t.failed IS NOT NULL THEN 'failed' ELSE 'pending' END"

const selectTransaction = `SELECT t.customer, t.wallet, t.id, t.kind, ` + stateText + ` AS state, coalesce(t.source, 'manual') AS source, t.credits::text, t.money::text, t.currency, t.balance::text,
	t.created, t.settled, t.failed, t.reference, t.lot, t.draws, t.more FROM {transaction} t `

func scanTransaction(row interface{ Scan(...any) error }) (*record, error) {
	t := new(record)
	var m more
	err := row.Scan(text(&t.Customer), uuid{&t.Wallet}, uuid{&t.ID}, text(&t.Kind), text(&t.State), text(&t.Source), decimal{&t.Credits},
		decimal{&t.Money.Amount}, text(&t.Money.Currency), decimal{&t.BalanceAfter}, instant{&t.CreatedAt}, instant{&t.SettledAt},
		instant{&t.FailedAt}, text(&t.Reference), uuid{&t.lot}, &t.draws, document{&m})
	m.to(&t.Transaction)
	return t, err
}
