package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Sequences are whole and in order, however long they are, and whatever else is read meanwhile.
func testMany(t *testing.T, s store.Store) {
	const n, together = 700, 100
	w := newWallet("c0", moment(0))
	main := newInbound(w, wallet.TransactionID{}, moment(0), "1000000")
	update(t, s, "c0", func(tx store.Tx) error {
		return errors.Join(tx.PutWallet(w), tx.AddTransaction(&main, nil), tx.PutLot(lotOf(main, "\x00")))
	})
	var in, out []wallet.Transaction // the lots expire in reverse order
	last := main.ID
	for i := range n {
		in = append(in, newInbound(w, last, moment(0), "1"))
		in[i].ExpiresAt = moment(n - i)
		spent, _ := newOutbound(w, in[i].ID, moment(0), "1", lotOf(main, ""))
		out, last = append(out, spent), spent.ID
	}
	for from := 0; from < n; from += together {
		update(t, s, "c0", func(tx store.Tx) error {
			for i := from; i < from+together; i++ {
				draw := wallet.Draw{Lot: main.ID, By: out[i].ID, Wallet: w.ID, Kind: wallet.Consumed, Credits: out[i].Credits, Amount: out[i].Money.Amount}
				err := errors.Join(tx.AddTransaction(&in[i], nil), tx.PutLot(lotOf(in[i], fmt.Sprintf("%04d", i))), tx.AddTransaction(&out[i], []wallet.Draw{draw}),
					tx.AddEvent(wallet.Event{Kind: wallet.EventUsed, At: moment(0), Wallet: w.ID, Customer: "c0", Number: int64(i + 1)}))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	others := make([]store.Wallet, n) // of customers of their own
	for i := range others {
		others[i] = newWallet(wallet.CustomerID(fmt.Sprint("d", i)), moment(i+1))
		others[i].State.NextDue = moment(i)
		update(t, s, others[i].Customer, func(tx store.Tx) error { return tx.PutWallet(others[i]) })
	}

	view(t, s, func(r store.Reader) error {
		aside := func() error { _, err := r.Wallet(w.ID); return err }
		for name, sequence := range map[string]func() (want, got []string, err error){
			"wallets": func() (want, got []string, err error) {
				for _, o := range slices.Backward(others) {
					want = append(want, o.ID.String())
				}
				for o, err := range r.Wallets(wallet.WalletQuery{}) {
					if err := errors.Join(err, aside()); err != nil {
						return nil, nil, err
					}
					got = append(got, o.ID.String())
				}
				return append(want, w.ID.String()), got, nil
			},
			"transactions": func() (want, got []string, err error) {
				want = append(want, main.ID.String())
				for i := range n {
					want = append(want, in[i].ID.String(), out[i].ID.String())
				}
				for t, err := range r.Transactions(wallet.TransactionQuery{Wallet: w.ID, OldestFirst: true}) {
					_, other := r.Transaction(main.ID)
					if err := errors.Join(err, other, aside()); err != nil {
						return nil, nil, err
					}
					got = append(got, t.ID.String())
				}
				return want, got, nil
			},
			"expiring lots": func() (want, got []string, err error) {
				for _, t := range slices.Backward(in) {
					want = append(want, t.ID.String())
				}
				for l, err := range r.ExpiringLots(w.ID, latest) {
					_, other := r.Lot(main.ID)
					if err := errors.Join(err, other, aside()); err != nil {
						return nil, nil, err
					}
					got = append(got, l.ID.String())
				}
				return want, got, nil
			},
			"draws": func() (want, got []string, err error) {
				const skip = 1
				for _, t := range out[skip:] {
					want = append(want, t.ID.String())
				}
				for d, err := range r.Draws(main.ID, skip) {
					if err := errors.Join(err, aside()); err != nil {
						return nil, nil, err
					}
					got = append(got, d.By.String())
				}
				return want, got, nil
			},
			"events": func() (want, got []string, err error) {
				for e, err := range r.Events(wallet.EventQuery{}) {
					if err := errors.Join(err, aside()); err != nil {
						return nil, nil, err
					}
					want, got = append(want, fmt.Sprint(len(want)+1)), append(got, fmt.Sprint(e.Number))
				}
				return append(want, fmt.Sprint(n))[:n], got, nil
			},
			"due": func() (want, got []string, err error) {
				for _, o := range others {
					want = append(want, string(o.Customer))
				}
				for c, err := range r.Due(latest) {
					if err := errors.Join(err, aside()); err != nil {
						return nil, nil, err
					}
					got = append(got, string(c))
				}
				return want, got, nil
			},
		} {
			want, got, err := sequence()
			if err != nil || !slices.Equal(want, got) {
				t.Errorf("%s: %d, want %d in their order, %v", name, len(got), len(want), err)
			}
		}
		return nil
	})
}
