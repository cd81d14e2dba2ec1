package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Create opens a wallet, with a first top-up if the spec has one. A code that an active wallet of the customer has is
// [wallet.ErrInvalid].
func (e *Engine) Create(ctx context.Context, spec wallet.Spec) (created wallet.Wallet, err error) {
	topUp := !isZeroTopUp(spec.TopUp)
	if err := checkSpec(spec, topUp); err != nil {
		return created, err
	}
	spec.ExpiresAt = instant(spec.ExpiresAt)
	spec.TopUp.ExpiresAt = instant(spec.TopUp.ExpiresAt)
	spec.Rules = cloneRules(spec.Rules)
	c := command{
		scope: store.Scope{Customer: spec.Customer, Key: spec.Key, Create: true},
		replay: func(k *work, o store.Outcome) (err error) {
			created, err = k.wallet(o.Wallet)
			return err
		},
		do: func(k *work) error {
			var c checker
			k.checkCode(&c, wallet.ID{}, spec.Code)
			c.future("expires_at", spec.ExpiresAt, k.at)
			(&purse{Wallet: new(store.Wallet)}).checkRules(&c, spec.Rules) // it has none yet
			if topUp {
				c.in("top_up", -1)
				if err := k.checkTopUp(&c, spec.TopUp); err != nil {
					return err
				}
			}
			if err := c.Err(); err != nil {
				return err
			}
			p, err := k.create(spec)
			if err != nil {
				return err
			}
			outcome := store.Outcome{Wallet: p.ID}
			if topUp {
				made, err := k.topUp(p, spec.TopUp)
				if err != nil {
					return err
				}
				outcome.Transactions = idsOf(made)
			}
			if !topUp {
				if err := k.save(p); err != nil {
					return err
				}
			}
			if created, err = k.wallet(p.ID); err != nil {
				return err
			}
			return k.remember(outcome)
		},
	}
	if spec.Key != "" {
		c.print = printSpec(spec)
	}
	return created, e.run(ctx, &c)
}

// create adds a wallet without credits.
func (k *work) create(spec wallet.Spec) (*purse, error) {
	var last wallet.ID // of those created at this very instant, so that the IDs tell which is older
	for _, w := range k.active {
		if w.CreatedAt.Equal(k.at) && w.ID.Compare(last) > 0 {
			last = w.ID
		}
	}
	w := &store.Wallet{
		Wallet: wallet.Wallet{
			ID: wallet.MintID(last, k.at), Customer: spec.Customer, Currency: spec.Currency, Rate: spec.Rate,
			Name: spec.Name, Code: spec.Code, Priority: spec.Priority, AppliesTo: cloneApplies(spec.AppliesTo),
			ExpiresAt: spec.ExpiresAt, Limits: spec.Limits, Metadata: maps.Clone(spec.Metadata),
			Status: wallet.Active, CreatedAt: k.at,
		},
		State: store.State{UpdatedAt: k.at, NextDue: spec.ExpiresAt},
		Order: k.e.order,
	}
	p := &purse{Wallet: w, state: w.State, rewrite: true}
	k.purses = append(k.purses, p)
	if len(spec.Rules) > 0 {
		k.setRules(p, spec.Rules)
	}
	if err := k.write(p); err != nil {
		return nil, err
	}
	p.rewrite = false
	return p, k.emit(p, wallet.Event{Kind: wallet.EventCreated, Record: p.written()})
}

// Update changes an active wallet. A code that another active wallet of the customer has, an expiry that is not in the future,
// and a rule with an ID that the wallet has no rule of, are [wallet.ErrInvalid].
func (e *Engine) Update(ctx context.Context, id wallet.ID, changes wallet.Changes) (updated wallet.Wallet, err error) {
	if err := checkChanges(changes); err != nil {
		return updated, err
	}
	if changes.ExpiresAt != nil {
		changes.ExpiresAt = wallet.Set(instant(*changes.ExpiresAt))
	}
	c := command{
		scope: store.Scope{Wallet: id, Key: changes.Key},
		replay: func(k *work, o store.Outcome) (err error) {
			updated, err = k.wallet(o.Wallet)
			return err
		},
		do: func(k *work) error {
			p, err := k.open(k.target)
			if err != nil {
				return err
			}
			if err := k.apply(p, changes); err != nil {
				return err
			}
			if updated, err = k.wallet(id); err != nil {
				return err
			}
			return k.remember(store.Outcome{Wallet: id})
		},
	}
	if changes.ExpiresAt != nil {
		c.expiry = *changes.ExpiresAt
	}
	if changes.Key != "" {
		c.print = printChanges(id, changes)
	}
	return updated, e.run(ctx, &c)
}

// apply changes the record of a wallet.
func (k *work) apply(p *purse, c wallet.Changes) error {
	var check checker
	if c.ExpiresAt != nil {
		check.future("expires_at", *c.ExpiresAt, k.at)
		p.state.NextDue = earliest(p.state.NextDue, *c.ExpiresAt)
	}
	if c.Code != nil {
		k.checkCode(&check, p.ID, *c.Code)
	}
	p.checkRules(&check, c.Rules)
	if err := check.Err(); err != nil {
		return err
	}
	p.change(func(w *wallet.Wallet) {
		assign(&w.Name, c.Name)
		assign(&w.Code, c.Code)
		assign(&w.Priority, c.Priority)
		assign(&w.ExpiresAt, c.ExpiresAt)
		assign(&w.Limits, c.Limits)
		if c.AppliesTo != nil {
			w.AppliesTo = cloneApplies(*c.AppliesTo)
		}
		if c.Metadata != nil {
			w.Metadata = maps.Clone(c.Metadata)
		}
	})
	if c.Rules != nil {
		k.setRules(p, c.Rules)
	}
	if c.ExpiresAt != nil {
		if err := k.shortenHolds(p, *c.ExpiresAt); err != nil {
			return err
		}
	}
	if err := k.emit(p, wallet.Event{Kind: wallet.EventUpdated, Record: p.written()}); err != nil {
		return err
	}
	return k.save(p)
}

func assign[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// checkCode notes a code that another active wallet of the customer has.
func (k *work) checkCode(c *checker, id wallet.ID, code string) {
	if code == "" {
		return
	}
	for _, w := range k.active {
		if w.Code == code && w.ID != id {
			c.Add("code", code, "is taken by wallet "+w.ID.String())
		}
	}
}

// wallet returns a wallet as its host sees it.
func (k *work) wallet(id wallet.ID) (wallet.Wallet, error) {
	w, err := k.Wallet(id)
	if err != nil {
		return wallet.Wallet{}, err
	}
	return public(w), nil
}

func checkSpec(s wallet.Spec, topUp bool) error {
	var c checker
	c.customer(s.Customer)
	c.currency(s.Currency)
	c.rate(s.Rate)
	c.text("name", s.Name)
	c.text("code", s.Code)
	c.priority("priority", s.Priority)
	c.appliesTo(s.AppliesTo)
	c.instant("expires_at", s.ExpiresAt)
	c.limits(s.Limits)
	c.rules(s.Rules)
	c.metadata("metadata", s.Metadata)
	c.text("key", s.Key)
	if topUp {
		c.in("top_up", -1)
		c.topUp(s.TopUp)
		c.in("", -1)
		if s.TopUp.Key != "" {
			c.Add("top_up.key", s.TopUp.Key, "is not used here: the wallet's key covers its top-up")
		}
	}
	return c.Err()
}

func checkChanges(ch wallet.Changes) error {
	var c checker
	if ch.Name != nil {
		c.text("name", *ch.Name)
	}
	if ch.Code != nil {
		c.text("code", *ch.Code)
	}
	if ch.Priority != nil {
		c.priority("priority", *ch.Priority)
	}
	if ch.AppliesTo != nil {
		c.appliesTo(*ch.AppliesTo)
	}
	if ch.ExpiresAt != nil {
		c.instant("expires_at", *ch.ExpiresAt)
	}
	if ch.Limits != nil {
		c.limits(*ch.Limits)
	}
	c.rules(ch.Rules)
	c.metadata("metadata", ch.Metadata)
	c.text("key", ch.Key)
	return c.Err()
}

func printSpec(s wallet.Spec) [16]byte {
	f := newPrint("create")
	f.text("customer", string(s.Customer))
	f.text("currency", string(s.Currency))
	f.amount("rate", s.Rate)
	f.text("name", s.Name)
	f.text("code", s.Code)
	f.number("priority", int64(s.Priority))
	f.appliesTo(s.AppliesTo)
	f.instant("expires_at", s.ExpiresAt)
	f.limits(s.Limits)
	f.rules(s.Rules)
	f.metadata(s.Metadata)
	if !isZeroTopUp(s.TopUp) {
		f.text("top_up", "{")
		f.topUp(s.TopUp)
	}
	return f.sum()
}

func printChanges(id wallet.ID, c wallet.Changes) [16]byte {
	f := newPrint("update")
	f.id("wallet", id.Bytes())
	f.flag("set name", c.Name != nil)
	if c.Name != nil {
		f.text("name", *c.Name)
	}
	f.flag("set code", c.Code != nil)
	if c.Code != nil {
		f.text("code", *c.Code)
	}
	f.flag("set priority", c.Priority != nil)
	if c.Priority != nil {
		f.number("priority", int64(*c.Priority))
	}
	f.flag("set applies_to", c.AppliesTo != nil)
	if c.AppliesTo != nil {
		f.appliesTo(*c.AppliesTo)
	}
	f.flag("set expires_at", c.ExpiresAt != nil)
	if c.ExpiresAt != nil {
		f.instant("expires_at", *c.ExpiresAt)
	}
	f.flag("set limits", c.Limits != nil)
	if c.Limits != nil {
		f.limits(*c.Limits)
	}
	f.flag("set rules", c.Rules != nil)
	f.rules(c.Rules)
	f.flag("set metadata", c.Metadata != nil)
	f.metadata(c.Metadata)
	return f.sum()
}

func cloneApplies(a wallet.AppliesTo) wallet.AppliesTo {
	return wallet.AppliesTo{FeeTypes: slices.Clone(a.FeeTypes), Metrics: slices.Clone(a.Metrics)}
}

func cloneRules(rules []wallet.Rule) []wallet.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		r := &rules[i]
		r.StartsAt, r.ExpiresAt = instant(r.StartsAt), instant(r.ExpiresAt)
		r.ExpiresIn = r.ExpiresIn.Truncate(time.Microsecond)
		r.Metadata = maps.Clone(r.Metadata)
	}
	return rules
}

func idsOf(ts []wallet.Transaction) []wallet.TransactionID {
	ids := make([]wallet.TransactionID, len(ts))
	for i := range ts {
		ids[i] = ts[i].ID
	}
	return ids
}

// isZeroTopUp reports whether nothing at all is asked for.
func isZeroTopUp(t wallet.TopUp) bool {
	var bare fingerprint
	bare.topUp(t)
	return len(bare) == 0 && t.Key == ""
}

// checkCorrects notes a transaction to correct that the customer does not have.
func (k *work) checkCorrects(c *checker, id wallet.TransactionID) error {
	if id.IsZero() {
		return nil
	}
	_, err := k.Transaction(id)
	if errors.Is(err, wallet.ErrNotFound) {
		c.Add("corrects", id.String(), fmt.Sprintf("is not a transaction of customer %q", k.customer))
		return nil
	}
	return err
}

// correction refuses a transaction to correct that the customer does not have.
func (k *work) correction(id wallet.TransactionID) error {
	var c checker
	if err := k.checkCorrects(&c, id); err != nil {
		return err
	}
	return c.Err()
}
