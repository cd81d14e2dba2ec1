package memory

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A record is a transaction, in a third of the room. What most transactions do not have is in extra; the wallet, the
// customer and the currency are those of the ledger.
type record struct {
	id                      uid
	credits, money, balance wallet.Amount
	created, settled        int64 // in microseconds, or never
	reference               string
	lot                     uid    // that the only draw is from: it took all of the credits and of the money
	fee                     string // that the only draw paid for
	extra                   *extra // nil: none of it

	kind, state, source code
	priority            uint8
	drawn               bool // there is one draw
}

type extra struct {
	name, reason    string
	corrects, pair  wallet.TransactionID
	rule            wallet.RuleID
	hold            wallet.HoldID
	metadata        map[string]string
	currency        wallet.Currency
	origin          wallet.Kind
	expires, failed int64 // in microseconds, or never
	since           int64 // likewise
	expiresIn       time.Duration
	draws           []draw // if there is more than one
}

type draw struct {
	lot             uid
	credits, amount wallet.Amount
	fee             string
}

// A code is the index of a word in its table.
type code = uint8

var (
	kinds = [...]wallet.Kind{"", wallet.Purchased, wallet.Granted, wallet.Consumed, wallet.Voided, wallet.Expired,
		wallet.Refunded, wallet.TransferredIn, wallet.TransferredOut}
	states  = [...]wallet.State{wallet.Pending, wallet.Settled, wallet.Failed}
	sources = [...]wallet.Source{"", wallet.SourceManual, wallet.SourceInterval, wallet.SourceThreshold}
)

// never is the zero instant.
const never = math.MinInt64

func micros(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == never {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// pack makes r the record of a transaction in the ledger, which has passed its check.
func (l *ledger) pack(r *record, t *wallet.Transaction, draws []wallet.Draw) error {
	kind := slices.Index(kinds[1:], t.Kind) + 1
	state := slices.Index(states[:], t.State)
	source := slices.Index(sources[:], t.Source)
	if kind < 1 || state < 0 || source < 0 || t.Priority < 0 || t.Priority > math.MaxUint8 {
		return fmt.Errorf("store: refused transaction %s: kind %q, state %q, source %q, priority %d",
			t.ID, t.Kind, t.State, t.Source, t.Priority)
	}
	*r = record{
		id:      uidOf(t.ID.Bytes()),
		credits: t.Credits, money: t.Money.Amount, balance: t.BalanceAfter,
		created: micros(t.CreatedAt), settled: micros(t.SettledAt),
		reference: t.Reference,
		kind:      code(kind), state: code(state), source: code(source), priority: uint8(t.Priority),
	}
	if len(draws) == 1 {
		r.drawn, r.lot, r.fee = true, uidOf(draws[0].Lot.Bytes()), draws[0].Fee
	}
	if t.Name != "" || t.Reason != "" || !t.Corrects.IsZero() || !t.Pair.IsZero() || !t.Rule.IsZero() || !t.Hold.IsZero() ||
		t.Metadata != nil || t.Money.Currency != l.wallet.Currency || !t.ExpiresAt.IsZero() || !t.FailedAt.IsZero() ||
		t.ExpiresIn != 0 || t.Origin != "" || !t.Since.IsZero() || len(draws) > 1 {
		r.extra = &extra{
			name: t.Name, reason: t.Reason, corrects: t.Corrects, pair: t.Pair, rule: t.Rule, hold: t.Hold,
			metadata: t.Metadata, currency: t.Money.Currency,
			origin: t.Origin, since: micros(t.Since),
			expires: micros(t.ExpiresAt), failed: micros(t.FailedAt), expiresIn: t.ExpiresIn,
		}
	}
	if len(draws) > 1 {
		r.extra.draws = make([]draw, len(draws))
		for i := range draws {
			d := &draws[i]
			r.extra.draws[i] = draw{uidOf(d.Lot.Bytes()), d.Credits, d.Amount, d.Fee}
		}
	}
	return nil
}

// unpack makes a transaction of a record.
func (l *ledger) unpack(r *record) (t wallet.Transaction) {
	w := l.wallet
	t.ID.SetBytes(r.id.bytes())
	t.Wallet, t.Customer = w.ID, w.Customer
	t.Kind, t.State, t.Source = kinds[r.kind], states[r.state], sources[r.source]
	t.Credits, t.Money, t.BalanceAfter = r.credits, wallet.Money{Amount: r.money, Currency: w.Currency}, r.balance
	t.Priority, t.Reference = int(r.priority), r.reference
	t.CreatedAt, t.SettledAt = instant(r.created), instant(r.settled)
	if x := r.extra; x != nil {
		t.Name, t.Reason, t.Corrects, t.Pair, t.Rule, t.Hold = x.name, x.reason, x.corrects, x.pair, x.rule, x.hold
		t.Metadata, t.Money.Currency = x.metadata, x.currency
		t.Origin, t.Since = x.origin, instant(x.since)
		t.ExpiresAt, t.FailedAt, t.ExpiresIn = instant(x.expires), instant(x.failed), x.expiresIn
	}
	return t
}

// draws returns the draws of an outbound record, and puts a single one into room.
func (r *record) draws(room *[1]draw) []draw {
	switch {
	case r.drawn:
		room[0] = draw{r.lot, r.credits, r.money, r.fee}
		return room[:]
	case r.extra != nil:
		return r.extra.draws
	}
	return nil
}
