package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Void removes credits that were neither held nor consumed: so many in spending order, or from one lot, or all that is left.
// More than there is, or all of nothing, is [wallet.ErrInsufficient].
func (e *Engine) Void(ctx context.Context, id wallet.ID, v wallet.Void) (made wallet.Transaction, err error) {
	if err := checkVoid(v); err != nil {
		return made, err
	}
	c := command{
		scope: store.Scope{Wallet: id, Key: v.Key},
		replay: func(k *work, o store.Outcome) error {
			ts, err := k.transactions(o.Transactions)
			if err == nil {
				made = ts[0]
			}
			return err
		},
		do: func(k *work) error {
			p, err := k.open(k.target)
			if err != nil {
				return err
			}
			if made, err = k.void(p, v); err != nil {
				return err
			}
			return k.remember(store.Outcome{Transactions: []wallet.TransactionID{made.ID}})
		},
	}
	if v.Key != "" {
		f := newPrint("void")
		f.id("wallet", id.Bytes())
		f.amount("credits", v.Credits)
		f.id("lot", v.Lot.Bytes())
		f.flag("all", v.All)
		f.text("reason", v.Reason)
		f.id("corrects", v.Corrects.Bytes())
		f.metadata(v.Metadata)
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return wallet.Transaction{}, err
	}
	return made, nil
}

func (k *work) void(p *purse, v wallet.Void) (t wallet.Transaction, err error) {
	var check checker
	if err := k.checkCorrects(&check, v.Corrects); err != nil {
		return t, err
	}
	free := p.state.Balance.Spendable
	var lot store.Lot
	if !v.Lot.IsZero() {
		if lot, err = k.lotOf(&check, p, v.Lot); err != nil {
			return t, err
		}
		free = lot.Free()
	}
	if err := check.Err(); err != nil {
		return t, err
	}
	credits := v.Credits
	if v.All {
		credits = free
	}
	if free.Cmp(credits) < 0 || credits.IsZero() {
		return t, &wallet.InsufficientError{Wallet: p.ID, Needed: credits, Available: free}
	}
	k.seen()
	var portions []portion
	if v.Lot.IsZero() {
		portions, err = k.take(p, credits)
	} else {
		portions, err = []portion{{v.Lot, credits}}, k.draw(p, lot, credits)
	}
	if err != nil {
		return t, err
	}
	t = k.begin(p, wallet.Voided, credits)
	t.Reason, t.Corrects, t.Metadata = v.Reason, v.Corrects, v.Metadata
	if _, err := k.remove(p, &t, portions); err != nil {
		return t, err
	}
	return cloned(t), k.save(p)
}

// lotOf returns one of the purse's lots, with nothing free if it is used up, or was never opened. It notes another's.
func (k *work) lotOf(c *checker, p *purse, id wallet.TransactionID) (store.Lot, error) {
	switch t, err := k.Transaction(id); {
	case errors.Is(err, wallet.ErrNotFound), err == nil && (t.Wallet != p.ID || !t.Kind.Inbound()):
		c.Add("lot", id.String(), "is not a lot of wallet "+p.ID.String())
		return store.Lot{}, nil
	case err != nil:
		return store.Lot{}, err
	}
	l, err := k.Lot(id)
	if errors.Is(err, wallet.ErrNotFound) {
		return store.Lot{}, nil
	}
	return l, err
}

func checkVoid(v wallet.Void) error {
	var c checker
	c.amount("credits", v.Credits)
	switch {
	case !v.All && v.Credits.IsZero():
		c.Add("credits", "0", "is zero: nothing to void")
	case v.All && !v.Credits.IsZero():
		c.Add("all", "true", fmt.Sprintf("and credits %s exclude each other", v.Credits))
	}
	c.text("reason", v.Reason)
	c.metadata("metadata", v.Metadata)
	c.text("key", v.Key)
	return c.Err()
}
