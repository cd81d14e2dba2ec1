package engine

import (
	"context"
	"fmt"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Transfer moves credits between two wallets of one customer, in spending order: all of it, or [wallet.ErrInsufficient]. It
// returns the outbound transaction, then an inbound one for each lot drawn, which keeps its origin, priority, place in the
// order, and expiry, but no later than that of the wallet it leaves. Wallets of different currencies or rates are
// [wallet.ErrCurrency].
func (e *Engine) Transfer(ctx context.Context, from, to wallet.ID, tr wallet.Transfer) (made []wallet.Transaction, err error) {
	if err := checkTransfer(from, to, tr); err != nil {
		return nil, err
	}
	c := command{
		scope: store.Scope{Wallet: from, Key: tr.Key},
		also:  to,
		replay: func(k *work, o store.Outcome) (err error) {
			made, err = k.transactions(o.Transactions)
			return err
		},
		do: func(k *work) error {
			if made, err = k.transfer(to, tr); err != nil {
				return err
			}
			return k.remember(store.Outcome{Transactions: idsOf(made)})
		},
	}
	if tr.Key != "" {
		f := newPrint("transfer")
		f.id("from", from.Bytes())
		f.id("to", to.Bytes())
		f.amount("credits", tr.Credits)
		f.flag("all", tr.All)
		f.text("kind", string(tr.Kind))
		f.metadata(tr.Metadata)
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return nil, err
	}
	return made, nil
}

func (k *work) transfer(to wallet.ID, tr wallet.Transfer) ([]wallet.Transaction, error) {
	source, err := k.open(k.target)
	if err != nil {
		return nil, err
	}
	w, err := k.Wallet(to)
	if err != nil {
		return nil, named(err, store.Scope{Wallet: to})
	}
	target, err := k.open(w)
	if err != nil {
		return nil, err
	}
	if source.Currency != target.Currency || !source.Rate.Equal(target.Rate) {
		return nil, fmt.Errorf("%w: %s at %s a credit, %s at %s", wallet.ErrCurrency,
			source.Currency, source.Rate, target.Currency, target.Rate)
	}
	k.seen()
	portions, credits, err := k.takeKind(source, tr)
	if err != nil {
		return nil, err
	}
	out := k.begin(source, wallet.TransferredOut, credits)
	out.Metadata = tr.Metadata
	draws, err := k.remove(source, &out, portions)
	if err != nil {
		return nil, err
	}
	made := []wallet.Transaction{cloned(out)}
	for _, d := range draws {
		origin, err := k.Transaction(d.Lot)
		if err != nil {
			return nil, err
		}
		in := k.begin(target, wallet.TransferredIn, d.Credits)
		in.Money.Amount = d.Amount
		in.Pair, in.Metadata = out.ID, tr.Metadata
		inherit(&in, origin)
		in.ExpiresAt = earliest(in.ExpiresAt, source.ExpiresAt)
		if err := k.reopen(target, &in); err != nil {
			return nil, err
		}
		made = append(made, cloned(in))
	}
	if err := k.save(source); err != nil {
		return nil, err
	}
	return made, k.save(target)
}

// takeKind takes what a transfer asks for from the lots of its kind.
func (k *work) takeKind(p *purse, tr wallet.Transfer) ([]portion, wallet.Amount, error) {
	if tr.Kind == "" {
		credits := tr.Credits
		if tr.All {
			credits = p.state.Balance.Spendable
		}
		if free := p.state.Balance.Spendable; free.Cmp(credits) < 0 || credits.IsZero() {
			return nil, credits, &wallet.InsufficientError{Wallet: p.ID, Needed: credits, Available: free}
		}
		portions, err := k.take(p, credits)
		return portions, credits, err
	}
	var portions []portion
	var lots []store.Lot
	var taken wallet.Amount
	for l, err := range k.openLots(p.ID) {
		if err != nil {
			return nil, taken, err
		}
		part := l.Free()
		if !tr.All {
			part = part.Min(tr.Credits.Sub(taken))
		}
		if l.Kind != tr.Kind || part.IsZero() {
			continue
		}
		portions, lots, taken = append(portions, portion{l.ID, part}), append(lots, l), taken.Add(part)
		if !tr.All && taken.Equal(tr.Credits) {
			break
		}
	}
	if taken.IsZero() || taken.Cmp(tr.Credits) < 0 {
		return nil, taken, &wallet.InsufficientError{Wallet: p.ID, Needed: tr.Credits, Available: taken}
	}
	for i, l := range lots {
		if err := k.draw(p, l, portions[i].credits); err != nil {
			return nil, taken, err
		}
	}
	return portions, taken, nil
}

func checkTransfer(from, to wallet.ID, tr wallet.Transfer) error {
	var c checker
	if from == to {
		c.Add("to", to.String(), "is the wallet the credits come from")
	}
	c.amount("credits", tr.Credits)
	switch {
	case !tr.All && tr.Credits.IsZero():
		c.Add("credits", "0", "is zero: nothing to transfer")
	case tr.All && !tr.Credits.IsZero():
		c.Add("all", "true", fmt.Sprintf("and credits %s exclude each other", tr.Credits))
	}
	if tr.Kind != "" && tr.Kind != wallet.Purchased && tr.Kind != wallet.Granted {
		c.Add("kind", string(tr.Kind), "is not purchased or granted")
	}
	c.metadata("metadata", tr.Metadata)
	c.text("key", tr.Key)
	return c.Err()
}
