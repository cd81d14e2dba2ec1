package memory

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A record is a transaction, in a quarter of the room. It points nowhere, so that the garbage collector has nothing to look
// at, however many there are. What not every transaction has is in labels and in an extra; the wallet, the customer and the
// currency are those of the ledger.
type record struct {
	id                      uid
	credits, money, balance units
	created, settled        int64  // in microseconds, or never
	lot                     uid    // that the only draw is from: it took all of the credits and of the money
	labels, extra           uint32 // their numbers in the ledger, from 1; 0: there are none

	kind, state, source code
	priority            uint8
	drawn               bool // there is one draw
}

// units are a recorded amount.
type units struct {
	hi int64
	lo uint64
}

func unitsOf(a wallet.Amount) units {
	hi, lo, _ := a.Units() // what is recorded fits
	return units{hi, lo}
}

func (u units) amount() wallet.Amount { return wallet.UnitsAmount(u.hi, u.lo) }

// labels are what many hosts give their transactions.
type labels struct {
	reference string
	fee       string // that the only draw paid for
}

// An extra is what few transactions have.
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

// pack makes r the record of a transaction, which has passed its check. The rest is to be stowed.
func (r *record) pack(t *wallet.Transaction, draws []wallet.Draw) error {
	kind := slices.Index(kinds[1:], t.Kind) + 1
	state := slices.Index(states[:], t.State)
	source := slices.Index(sources[:], t.Source)
	if kind < 1 || state < 0 || source < 0 || t.Priority < 0 || t.Priority > math.MaxUint8 || !t.BalanceAfter.Fits() {
		return fmt.Errorf("store: refused transaction %s: kind %q, state %q, source %q, priority %d, balance %s",
			t.ID, t.Kind, t.State, t.Source, t.Priority, t.BalanceAfter)
	}
	*r = record{
		id:      uidOf(t.ID.Bytes()),
		credits: unitsOf(t.Credits), money: unitsOf(t.Money.Amount), balance: unitsOf(t.BalanceAfter),
		created: micros(t.CreatedAt), settled: micros(t.SettledAt),
		kind: code(kind), state: code(state), source: code(source), priority: uint8(t.Priority),
	}
	if len(draws) == 1 {
		r.drawn, r.lot = true, uidOf(draws[0].Lot.Bytes())
	}
	return nil
}

// stow keeps in the ledger what is not in the record of a transaction.
func (l *ledger) stow(r *record, t *wallet.Transaction, draws []wallet.Draw) {
	given := labels{reference: t.Reference}
	if r.drawn {
		given.fee = draws[0].Fee
	}
	if given != (labels{}) {
		l.labels.push(given)
		r.labels = uint32(l.labels.n)
	}
	if t.Name != "" || t.Reason != "" || !t.Corrects.IsZero() || !t.Pair.IsZero() || !t.Rule.IsZero() || !t.Hold.IsZero() ||
		t.Metadata != nil || t.Money.Currency != l.wallet.Currency || !t.ExpiresAt.IsZero() || !t.FailedAt.IsZero() ||
		t.ExpiresIn != 0 || t.Origin != "" || !t.Since.IsZero() || len(draws) > 1 {
		x := extra{
			name: t.Name, reason: t.Reason, corrects: t.Corrects, pair: t.Pair, rule: t.Rule, hold: t.Hold,
			metadata: t.Metadata, currency: t.Money.Currency,
			origin: t.Origin, since: micros(t.Since),
			expires: micros(t.ExpiresAt), failed: micros(t.FailedAt), expiresIn: t.ExpiresIn,
		}
		if len(draws) > 1 {
			x.draws = make([]draw, len(draws))
			for i := range draws {
				d := &draws[i]
				x.draws[i] = draw{uidOf(d.Lot.Bytes()), d.Credits, d.Amount, d.Fee}
			}
		}
		l.extras.push(x)
		r.extra = uint32(l.extras.n)
	}
}

// unstow forgets what was stowed last, with r.
func (l *ledger) unstow(r *record) {
	if r.labels > 0 {
		l.labels.pop()
	}
	if r.extra > 0 {
		l.extras.pop()
	}
}

// labelsOf returns the labels of a record.
func (l *ledger) labelsOf(r *record) (given labels) {
	if r.labels > 0 {
		given = *l.labels.at(int(r.labels) - 1)
	}
	return given
}

// extraOf returns the extra of a record, or nil.
func (l *ledger) extraOf(r *record) *extra {
	if r.extra == 0 {
		return nil
	}
	return l.extras.at(int(r.extra) - 1)
}

// unpack makes a transaction of a record.
func (l *ledger) unpack(r *record) (t wallet.Transaction) {
	w := l.wallet
	t.ID.SetBytes(r.id.bytes())
	t.Wallet, t.Customer = w.ID, w.Customer
	t.Kind, t.State, t.Source = kinds[r.kind], states[r.state], sources[r.source]
	t.Credits, t.BalanceAfter = r.credits.amount(), r.balance.amount()
	t.Money = wallet.Money{Amount: r.money.amount(), Currency: w.Currency}
	t.Priority, t.Reference = int(r.priority), l.labelsOf(r).reference
	t.CreatedAt, t.SettledAt = instant(r.created), instant(r.settled)
	if x := l.extraOf(r); x != nil {
		t.Name, t.Reason, t.Corrects, t.Pair, t.Rule, t.Hold = x.name, x.reason, x.corrects, x.pair, x.rule, x.hold
		t.Metadata, t.Money.Currency = x.metadata, x.currency
		t.Origin, t.Since = x.origin, instant(x.since)
		t.ExpiresAt, t.FailedAt, t.ExpiresIn = instant(x.expires), instant(x.failed), x.expiresIn
	}
	return t
}

// draws returns the draws of an outbound record, and puts a single one into room.
func (l *ledger) draws(r *record, room *[1]draw) []draw {
	if r.drawn {
		room[0] = draw{r.lot, r.credits.amount(), r.money.amount(), l.labelsOf(r).fee}
		return room[:]
	}
	if x := l.extraOf(r); x != nil {
		return x.draws
	}
	return nil
}
