package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A reader takes the columns of a row one after the other. The first that is not what it should be is kept in err.
type reader struct {
	row []driver.Value
	at  int
	err error
}

func (r *reader) next() driver.Value {
	v := r.row[r.at]
	r.at++
	return v
}

func (r *reader) wrong(v driver.Value, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("sqlite: column %d is %v, want %s", r.at, v, want)
	}
}

// int reads an integer; NULL is 0.
func (r *reader) int() int64 {
	switch v := r.next().(type) {
	case int64:
		return v
	case nil:
	default:
		r.wrong(v, "an integer")
	}
	return 0
}

// text reads a string; NULL is "".
func (r *reader) text() string {
	switch v := r.next().(type) {
	case string:
		return v
	case nil:
	default:
		r.wrong(v, "text")
	}
	return ""
}

// blob reads bytes; NULL is nil.
func (r *reader) blob() []byte {
	switch v := r.next().(type) {
	case []byte:
		return v
	case nil:
	default:
		r.wrong(v, "a blob")
	}
	return nil
}

// amount reads an amount; NULL is 0.
func (r *reader) amount() (a wallet.Amount) {
	var err error
	switch v := r.next().(type) {
	case int64:
		a, err = wallet.NewAmount(v, units)
	case string:
		a, err = wallet.ParseAmount(v)
	case nil:
	default:
		r.wrong(v, "an amount")
	}
	if err != nil {
		r.wrong(r.row[r.at-1], "an amount")
	}
	return a
}

// time reads an instant; NULL is the zero time.
func (r *reader) time() time.Time {
	switch v := r.next().(type) {
	case int64:
		return time.UnixMicro(v).UTC()
	case nil:
	default:
		r.wrong(v, "an instant")
	}
	return time.Time{}
}

// uuid reads the bytes of an ID; NULL is none.
func (r *reader) uuid() (id [16]byte) {
	switch v := r.next().(type) {
	case []byte:
		if len(v) == len(id) {
			return [16]byte(v)
		}
		r.wrong(v, "a UUID")
	case nil:
	default:
		r.wrong(v, "a UUID")
	}
	return id
}

func (r *reader) txn() (id wallet.TransactionID) {
	id.SetBytes(r.uuid())
	return id
}

// json reads what v points to; NULL leaves it as it is.
func (r *reader) json(v any) {
	if text := r.text(); text != "" {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			r.wrong(text, "JSON: "+err.Error())
		}
	}
}

// The reverse: what a column is given.

// orNull is NULL for "".
func orNull(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}

func instant(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// units is how many decimals an INTEGER has that is an amount.
const units = 12

func amount(a wallet.Amount) driver.Value {
	if n, ok := a.Int64(units); ok {
		return n
	}
	return a.String()
}

// someAmount is NULL for 0.
func someAmount(a wallet.Amount) driver.Value {
	if a.IsZero() {
		return nil
	}
	return amount(a)
}

// someInt is NULL for 0.
func someInt(n int64) driver.Value {
	if n == 0 {
		return nil
	}
	return n
}

func uuid(id interface{ Bytes() [16]byte }) driver.Value {
	b := id.Bytes()
	return b[:]
}

// someUUID is NULL for the zero ID.
func someUUID(id interface{ Bytes() [16]byte }) driver.Value {
	b := id.Bytes()
	if b == [16]byte{} {
		return nil
	}
	return b[:]
}

// asJSON is NULL unless there is something.
func asJSON(v any, something bool) (driver.Value, error) {
	if !something {
		return nil, nil
	}
	text, err := json.Marshal(v)
	return string(text), err
}

var (
	kinds = []wallet.Kind{wallet.Purchased, wallet.Granted, wallet.Consumed, wallet.Voided, wallet.Expired,
		wallet.Refunded, wallet.TransferredIn, wallet.TransferredOut}
	states  = []wallet.State{wallet.Pending, wallet.Settled, wallet.Failed}
	sources = []wallet.Source{wallet.SourceManual, wallet.SourceInterval, wallet.SourceThreshold}
)

// code is the number that a word is stored as; -1, which no column takes, if it is none of them.
func code[T ~string](words []T, word T) driver.Value { return int64(slices.Index(words, word)) }

// word reads what code wrote.
func word[T ~string](r *reader, words []T) T {
	if n := r.int(); n >= 0 && n < int64(len(words)) {
		return words[n]
	}
	r.wrong(r.row[r.at-1], "a known code")
	return ""
}

// more is what most transactions do not have.
type more struct {
	Currency  wallet.Currency      `json:"currency,omitempty"` // other than the wallet's
	FailedAt  time.Time            `json:"failed_at,omitzero"`
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

// moreOf is NULL if t, of a wallet in that currency, has nothing more.
func moreOf(t *wallet.Transaction, c wallet.Currency) (driver.Value, error) {
	if t.Money.Currency == c && t.FailedAt.IsZero() && t.Priority == 0 && t.ExpiresAt.IsZero() && t.ExpiresIn == 0 && t.Name == "" &&
		t.Reason == "" && t.Corrects.IsZero() && t.Pair.IsZero() && t.Rule.IsZero() && t.Hold.IsZero() && t.Origin == "" && t.Metadata == nil {
		return nil, nil
	}
	m := more{"", t.FailedAt, t.Priority, t.ExpiresAt, t.ExpiresIn, t.Name, t.Reason, t.Corrects, t.Pair, t.Rule, t.Hold, t.Origin, t.Since, t.Metadata}
	if t.Money.Currency != c {
		m.Currency = t.Money.Currency
	}
	return asJSON(m, true)
}

func (m *more) to(t *wallet.Transaction) {
	t.Money.Currency, t.FailedAt, t.Priority, t.ExpiresAt, t.ExpiresIn = m.Currency, m.FailedAt, m.Priority, m.ExpiresAt, m.ExpiresIn
	t.Name, t.Reason, t.Corrects, t.Pair, t.Rule, t.Hold, t.Metadata = m.Name, m.Reason, m.Corrects, m.Pair, m.Rule, m.Hold, m.Metadata
	t.Origin, t.Since = m.Origin, m.Since
}

// A draw as it is in the draws of a transaction.
type draw struct {
	wallet.Draw
	lot  int64 // the number of the lot's transaction; 0: it is not there
	n    int64 // of the draws from the lot, from 1 on
	prev int64 // the number of the transaction that drew from the lot before, which may be the same; 0 if there is none
}

// appendDraw appends d to a JSON list; prev is written unless it is implied: none, or the transaction's own predecessor.
func appendDraw(b []byte, d *draw, predecessor int64) []byte {
	b = append(b, '[')
	if d.lot != 0 {
		b = strconv.AppendInt(b, d.lot, 10)
	} else {
		b = appendString(b, d.Lot.String())
	}
	b = append(b, `,"`...)
	b, _ = d.Credits.AppendText(b)
	b = append(b, `","`...)
	b, _ = d.Amount.AppendText(b)
	b = append(b, `",`...)
	b = appendString(b, d.Fee)
	b = append(b, ',')
	b = strconv.AppendInt(b, d.n, 10)
	if d.prev != 0 && d.prev != predecessor {
		b = append(b, ',')
		b = strconv.AppendInt(b, d.prev, 10)
	}
	return append(b, ']')
}

// appendString appends s as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			text, _ := json.Marshal(s)
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// parseDraws reads the draws of a transaction.
func (b *base) parseDraws(t *record) ([]draw, error) {
	if t.draws == "" {
		return nil, nil
	}
	var rows [][]json.RawMessage
	if err := json.Unmarshal([]byte(t.draws), &rows); err != nil {
		return nil, fmt.Errorf("sqlite: draws of transaction %s: %w", t.ID, err)
	}
	draws := make([]draw, len(rows))
	for i, row := range rows {
		d := &draws[i]
		d.By, d.Wallet, d.Kind, d.prev = t.ID, t.Wallet, t.Kind, t.prev
		into := []any{&d.lot, &d.Credits, &d.Amount, &d.Fee, &d.n, &d.prev}
		if len(row) < len(into)-1 || len(row) > len(into) {
			return nil, fmt.Errorf("sqlite: draws of transaction %s: %s", t.ID, t.draws)
		}
		if row[0][0] == '"' {
			into[0] = &d.Lot
		}
		for k, part := range row {
			if err := json.Unmarshal(part, into[k]); err != nil {
				return nil, fmt.Errorf("sqlite: draws of transaction %s: %w", t.ID, err)
			}
		}
		if d.lot != 0 {
			var err error
			if d.Lot, err = b.idOf(d.lot); err != nil {
				return nil, err
			}
		}
	}
	return draws, nil
}
