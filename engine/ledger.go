package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A purse is an active wallet at work in a command: its record, and the state that the command leaves it in.
type purse struct {
	*store.Wallet
	state   store.State
	rewrite bool           // the record changed, not just the state
	before  wallet.Balance // before the group of steps at hand
	notes   *notes         // read from the record when first needed
	err     error          // of reading them
}

// notes are what the engine keeps with a wallet for itself.
type notes struct {
	Rules   map[string]ruleNote `json:"rules,omitempty"`   // by ID
	Usage   []usage             `json:"usage,omitempty"`   // in progress
	Partial *partial            `json:"partial,omitempty"` // an instant that is booked in part
	Warned  *warned             `json:"warned,omitempty"`  // what was reported to expire soon as it opened
}

// warned are lots that opened at an instant and were reported then. Others are reported at the first visit of an instant.
type warned struct {
	At   time.Time              `json:"at"`
	Lots []wallet.TransactionID `json:"lots"`
}

// partial is how far an instant was booked that has more events than one commit takes.
type partial struct {
	Before wallet.Balance `json:"before"`           // the balance before it
	Again  bool           `json:"again,omitempty"`  // the wallet was brought up to it before; a command made something due
	Lapsed bool           `json:"lapsed,omitempty"` // its purchases that lapse have
	Done   bool           `json:"done,omitempty"`   // this wallet's steps are booked; others' are not
}

// A ruleNote is the history of a rule.
type ruleNote struct {
	From   time.Time `json:"from,omitzero"`   // occurrences before it are done with
	Failed time.Time `json:"failed,omitzero"` // when its purchase failed, until it may fire again
}

// memo returns the purse's notes. What is changed in them is saved if rewrite is set.
func (p *purse) memo() *notes {
	if p.notes == nil {
		p.notes = new(notes)
		if len(p.Notes) > 0 {
			p.err = json.Unmarshal(p.Notes, p.notes)
		}
		if p.notes.Rules == nil {
			p.notes.Rules = make(map[string]ruleNote)
		}
	}
	return p.notes
}

// mayHaveFailed reports, without reading the notes, whether a rule may be backing off.
func (p *purse) mayHaveFailed() bool {
	return p.notes != nil || bytes.Contains(p.Notes, []byte(`iled"`)) // "failed"; no i is in IDs and instants, so that this is quick
}

// change changes the purse's record.
func (p *purse) change(edit func(*wallet.Wallet)) {
	w := *p.Wallet
	edit(&w.Wallet)
	p.Wallet, p.rewrite = &w, true
}

// open returns the purse of a wallet, or ErrTerminated.
func (k *work) open(w *store.Wallet) (*purse, error) {
	if w.Status == wallet.Terminated {
		return nil, fmt.Errorf("%w: %s, at %s", wallet.ErrTerminated, w.ID, w.TerminatedAt.Format(time.RFC3339Nano))
	}
	for _, p := range k.purses {
		if p.ID == w.ID {
			return p, nil
		}
	}
	p := &k.room
	if k.purses == nil {
		k.purses = k.few[:0]
	} else { // most commands have but one
		p = new(purse)
	}
	p.Wallet, p.state, p.before = w, w.State, w.State.Balance
	k.purses = append(k.purses, p)
	if k.tx == nil {
		return p, nil
	}
	return p, k.rekey(p)
}

// save ends a group of steps on a purse: its threshold rules fire, and it is written.
func (k *work) save(p *purse) error {
	p.state.UpdatedAt = k.at
	if err := p.check(); err != nil || k.tx == nil {
		return err
	}
	if err := k.thresholds(p); err != nil {
		return err
	}
	if err := k.alert(p); err != nil {
		return err
	}
	return k.write(p)
}

// write writes a purse: the record if that changed, else its state.
func (k *work) write(p *purse) error {
	if p.err != nil {
		return fmt.Errorf("wallet: notes of wallet %s: %w", p.ID, p.err)
	}
	if !p.rewrite {
		return k.tx.PutState(p.ID, p.state)
	}
	w := *p.Wallet
	w.State = p.state
	if p.notes != nil {
		var err error
		if w.Notes, err = json.Marshal(p.notes); err != nil {
			return err
		}
	}
	return k.tx.PutWallet(w)
}

// check reports the figure that has outgrown its digits.
func (p *purse) check() error {
	b := &p.state.Balance
	for _, a := range [...]*wallet.Amount{&b.Spendable, &b.Held, &b.Pending, &b.Ongoing, &b.Consumed, &b.Kept} {
		if !a.Fits() {
			return fmt.Errorf("%w: balance of wallet %s would need %s", wallet.ErrLimit, p.ID, a)
		}
	}
	if total := b.Total(); !total.Fits() {
		return fmt.Errorf("%w: balance of wallet %s would need %s", wallet.ErrLimit, p.ID, total)
	}
	return nil
}

// begin returns a settled transaction of the purse at the instant of the command, with a new ID.
func (k *work) begin(p *purse, kind wallet.Kind, credits wallet.Amount) wallet.Transaction {
	return wallet.Transaction{
		ID: k.mint(p), Wallet: p.ID, Customer: p.Customer,
		Kind: kind, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: credits, Money: p.Money(credits),
		CreatedAt: k.at, SettledAt: k.at,
	}
}

// mint returns an ID that is greater than the wallet's last, and than any other of the customer's at this instant.
func (k *work) mint(p *purse) wallet.TransactionID {
	if k.tx == nil {
		return wallet.TransactionID{}
	}
	after := p.state.Last
	if k.newest.Compare(after) > 0 {
		after = k.newest
	}
	p.state.Last = wallet.MintTransactionID(after, k.at)
	p.state.UpdatedAt = k.at
	k.newest = p.state.Last
	return p.state.Last
}

// seen makes the IDs minted from here on greater than those that the customer's wallets have at this very instant, so that
// a list over several wallets tells the order of booking even while the clock stands still.
func (k *work) seen() {
	if len(k.active) == 1 && k.target != nil && k.target.ID == k.active[0].ID {
		return // it is the only one, and its last ID is looked at in any case
	}
	next := wallet.FirstAt(k.at.Add(time.Microsecond))
	for _, w := range k.active {
		if last := w.State.Last; last.Compare(k.newest) > 0 && last.Compare(next) < 0 {
			k.newest = last
		}
	}
}

// record adds a transaction and its draws.
func (k *work) record(p *purse, t *wallet.Transaction, draws []wallet.Draw) error {
	if !t.Credits.Fits() || !t.Money.Amount.Fits() {
		return fmt.Errorf("%w: %s credits worth %s", wallet.ErrLimit, t.Credits, t.Money)
	}
	if k.tx == nil {
		return nil
	}
	given := t.Metadata
	t.Metadata = maps.Clone(given) // for the store
	err := k.tx.AddTransaction(t, draws)
	if t.Metadata = given; err != nil {
		return err
	}
	return k.emit(p, wallet.Event{Kind: eventOf(t.Kind), Credits: t.Credits, Transaction: t.ID, Rule: t.Rule})
}

// addLot opens the lot of an inbound transaction that has settled.
func (k *work) addLot(p *purse, t *wallet.Transaction) error {
	l := wallet.Lot{
		ID: t.ID, Wallet: p.ID, Kind: t.Kind, Credits: t.Credits, Remaining: t.Credits,
		Priority: t.Priority, ExpiresAt: t.ExpiresAt, OpenedAt: t.SettledAt,
	}
	if t.Origin != "" {
		l.Kind, l.OpenedAt = t.Origin, t.Since // it keeps its origin's place in the order
	}
	p.state.NextDue = earliest(p.state.NextDue, t.ExpiresAt)
	k.warnOf(p, l)
	return k.putLot(l)
}

func (k *work) putLot(l wallet.Lot) error {
	const room = 40 // a key of the default order has 34 bytes
	key := k.e.policy.Order.AppendKey(make([]byte, 0, room), l)
	return k.tx.PutLot(store.Lot{Lot: l, Key: key})
}

// A portion is what is taken from one lot.
type portion struct {
	lot     wallet.TransactionID
	credits wallet.Amount
}

// take takes credits, of which there are enough, from the purse's lots in spending order.
func (k *work) take(p *purse, credits wallet.Amount) ([]portion, error) {
	var after []byte
	first := len(k.taken)
	for credits.Sign() > 0 {
		l, more, err := k.NextLot(p.ID, after)
		if err != nil {
			return nil, err
		}
		if !more {
			return nil, short(p, credits)
		}
		after = l.Key
		part := l.Free().Min(credits)
		if part.IsZero() {
			continue
		}
		if err := k.draw(p, l, part); err != nil {
			return nil, err
		}
		k.taken = append(k.taken, portion{l.ID, part})
		credits = credits.Sub(part)
	}
	return slices.Clip(k.taken[first:]), nil
}

// short is a bug somewhere: a wallet's lots are less than its balance.
func short(p *purse, credits wallet.Amount) error {
	return fmt.Errorf("wallet: lots of wallet %s are %s credits short of its balance", p.ID, credits)
}

// draw takes free credits from a lot.
func (k *work) draw(p *purse, l store.Lot, credits wallet.Amount) error {
	b := &p.state.Balance
	b.Spendable = b.Spendable.Sub(credits)
	if k.tx == nil {
		return nil
	}
	l.Remaining = l.Remaining.Sub(credits)
	return k.tx.PutLot(l)
}

// A share is what a payment pays for one fee.
type share struct {
	fee             string
	credits, amount wallet.Amount
}

// draws lets the portions, in spending order, meet the shares, in fee order, and appends the draws to all. Their amounts are
// rounded down, and the last draw of a share takes the rest of its amount. A share so small that it took no credits still has a
// draw, of zero credits, that carries its amount.
func draws(all []wallet.Draw, t *wallet.Transaction, rate wallet.Amount, portions []portion, shares []share) []wallet.Draw {
	for _, s := range shares {
		for first := true; first || s.credits.Sign() > 0; first = false {
			for len(portions) > 1 && portions[0].credits.IsZero() {
				portions = portions[1:]
			}
			lot := &portions[0]
			part := lot.credits.Min(s.credits)
			amount := part.Mul(rate).Round(decimals, wallet.RoundDown).Min(s.amount)
			lot.credits, s.credits = lot.credits.Sub(part), s.credits.Sub(part)
			if s.credits.IsZero() {
				amount = s.amount
			}
			s.amount = s.amount.Sub(amount)
			all = append(all, wallet.Draw{Lot: lot.lot, By: t.ID, Wallet: t.Wallet, Kind: t.Kind, Credits: part, Amount: amount, Fee: s.fee})
		}
	}
	return all
}

// remove books an outbound transaction of the portions already drawn, and completes it. The draws are valid until the next one.
func (k *work) remove(p *purse, t *wallet.Transaction, portions []portion, shares ...share) ([]wallet.Draw, error) {
	if len(shares) == 0 {
		shares = []share{{credits: t.Credits, amount: t.Money.Amount}}
	}
	b := &p.state.Balance
	if t.Kind == wallet.Consumed {
		b.Consumed = b.Consumed.Add(t.Credits)
	}
	t.BalanceAfter = b.Total()
	k.drawn = draws(k.drawn[:0], t, p.Rate, portions, shares)
	return k.drawn, k.record(p, t, k.drawn)
}

// rekey puts the purse's open lots into this engine's order, if they were written in another.
func (k *work) rekey(p *purse) error {
	if p.Order == k.e.order {
		return nil
	}
	var lots []wallet.Lot
	for l, more, err := k.NextLot(p.ID, nil); more || err != nil; l, more, err = k.NextLot(p.ID, l.Key) {
		if err != nil {
			return err
		}
		lots = append(lots, l.Lot)
	}
	for _, l := range lots {
		if err := k.putLot(l); err != nil {
			return err
		}
	}
	w := *p.Wallet
	w.Order = k.e.order
	p.Wallet = &w
	return k.tx.PutWallet(w)
}

// covers reports whether the purse's wallet may pay for a fee.
func (k *work) covers(p *purse, f wallet.Fee) bool {
	if k.e.policy.Applies == nil {
		return p.AppliesTo.Covers(f)
	}
	return k.e.policy.Applies(*k.seenBy(p), f)
}

// seenBy returns the purse's wallet as a policy sees it, with the balance so far.
func (k *work) seenBy(p *purse) *wallet.Wallet {
	w := p.Wallet.Wallet
	w.Balance, w.UpdatedAt = p.state.Balance, p.state.UpdatedAt
	return &w
}

// isForeign reports whether an active wallet has its lots in another order than this engine's.
func (k *work) isForeign() bool {
	for _, w := range k.active {
		if w.Order != k.e.order {
			return true
		}
	}
	return false
}

// adopt puts the lots of all the customer's active wallets into this engine's order.
func (k *work) adopt() error {
	for _, w := range k.active {
		if _, err := k.open(w); err != nil {
			return err
		}
	}
	return nil
}

// public returns the wallet as its host sees it.
func public(w *store.Wallet) wallet.Wallet {
	out := copied(w.Wallet)
	out.Balance, out.UpdatedAt = w.State.Balance, w.State.UpdatedAt
	return out
}

// copied returns a wallet that shares nothing.
func copied(w wallet.Wallet) wallet.Wallet {
	w.AppliesTo, w.Rules, w.Metadata = cloneApplies(w.AppliesTo), cloneRules(w.Rules), maps.Clone(w.Metadata)
	return w
}
