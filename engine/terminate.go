package engine

import (
	"context"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// Terminate ends a wallet for good: pending purchases fail, and what remains is voided, or kept visible if the policy says
// so. Terminating a terminated wallet returns it unchanged.
func (e *Engine) Terminate(ctx context.Context, id wallet.ID) (ended wallet.Wallet, err error) {
	c := command{
		scope: store.Scope{Wallet: id},
		do: func(k *work) error {
			if k.target.Status == wallet.Active {
				p, err := k.open(k.target)
				if err != nil {
					return err
				}
				if err := k.terminate(p); err != nil {
					return err
				}
			}
			ended, err = k.wallet(id)
			return err
		},
	}
	return ended, e.run(ctx, &c)
}

// terminate ends a wallet by command.
func (k *work) terminate(p *purse) error {
	const reason = "the wallet was terminated"
	k.seen()
	if err := k.leaveHolds(p); err != nil {
		return err
	}
	if err := k.failPending(p, reason); err != nil {
		return err
	}
	b := &p.state.Balance
	switch {
	case k.e.policy.OnTerminate == policy.KeepRemaining:
		b.Kept, b.Spendable = b.Spendable, wallet.Amount{}
	case !b.Spendable.IsZero():
		if err := k.voidAll(p, reason); err != nil {
			return err
		}
	}
	return k.end(p)
}

// voidAll voids what remains: in one transaction, or lot by lot if the sum is worth more money than can be recorded.
func (k *work) voidAll(p *purse, reason string) error {
	all := p.state.Balance.Spendable
	if p.Money(all).Amount.Fits() {
		return k.voidSome(p, all, reason)
	}
	for l, err := range k.openLots(p.ID) {
		if err != nil {
			return err
		}
		if err := k.voidSome(p, l.Free(), reason); err != nil {
			return err
		}
	}
	return nil
}

func (k *work) voidSome(p *purse, credits wallet.Amount, reason string) error {
	portions, err := k.take(p, credits)
	if err != nil {
		return err
	}
	t := k.begin(p, wallet.Voided, credits)
	t.Reason = reason
	_, err = k.remove(p, &t, portions)
	return err
}

// failPending fails the purchases that are still pending.
func (k *work) failPending(p *purse, reason string) error {
	pending, err := wallet.Collect(k.pending(p.ID))
	if err != nil {
		return err
	}
	for i := range pending {
		if err := k.fail(p, &pending[i], reason); err != nil {
			return err
		}
	}
	return nil
}

// end makes a wallet of which nothing can be spent any more, and nothing is pending, a terminated one.
func (k *work) end(p *purse) error {
	if p.notes != nil {
		p.notes.Partial = nil
	}
	p.change(func(w *wallet.Wallet) { w.Status, w.TerminatedAt = wallet.Terminated, k.at })
	if p.use(nil) {
		if err := k.emitUse(p); err != nil {
			return err
		}
	}
	p.state.UpdatedAt, p.state.NextDue = k.at, time.Time{}
	if err := k.emit(p, wallet.Event{Kind: wallet.EventTerminated, Credits: p.state.Balance.Kept}); err != nil {
		return err
	}
	return k.write(p)
}
