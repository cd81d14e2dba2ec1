package storetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// books are all that can be read of one wallet.
type books struct {
	Wallet       wallet.Wallet
	Lots         []wallet.Lot         // open, in spending order; those of a terminated wallet by ID
	Transactions []wallet.Transaction // in the order they were booked
	Draws        [][]wallet.Draw      // for each transaction

	Rules []wallet.RuleID // all there ever were
	Holds []wallet.Hold   // that have, or had, something of it, newest first

	// What the model does not know.
	Events []wallet.Event // without cursors, which are the store's
	last   wallet.Cursor  // of the events
}

// read returns the books of every wallet, as the engine tells them.
func (w *world) read(ctx context.Context) ([]books, error) {
	all, _, err := w.readSince(ctx, nil)
	return all, err
}

// readSince is read where some books are known from before: what has neither another balance or record nor a new event is not
// read again. fresh says which were.
func (w *world) readSince(ctx context.Context, known []books) (all []books, fresh []bool, err error) {
	for _, id := range w.wallets { // what is due is booked before anything is looked at
		if _, err := w.eng.Wallet(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	there := 0
	for _, c := range w.owners {
		n, err := w.eng.CountWallets(ctx, wallet.WalletQuery{Customer: c})
		if err != nil {
			return nil, nil, err
		}
		there += n
	}
	if there != len(w.wallets) {
		return nil, nil, fmt.Errorf("%d wallets, want %d", there, len(w.wallets))
	}
	all, fresh = make([]books, len(w.wallets)), make([]bool, len(w.wallets))
	for i, id := range w.wallets {
		var before books
		if i < len(known) {
			before = known[i]
		}
		if all[i], fresh[i], err = w.readOne(ctx, id, before); err != nil {
			return nil, nil, err
		}
	}
	return all, fresh, nil
}

// readOne returns the books of a wallet; known are those from before, if any.
func (w *world) readOne(ctx context.Context, id wallet.ID, known books) (b books, fresh bool, err error) {
	if b.Wallet, err = w.eng.Wallet(ctx, id); err != nil {
		return b, true, err
	}
	events, err := wallet.Collect(w.eng.Events(ctx, wallet.EventQuery{Wallet: id, After: known.last}))
	if err != nil {
		return b, true, err
	}
	if len(known.Events) > 0 && len(events) == 0 && reflect.DeepEqual(b.Wallet, known.Wallet) {
		return w.readHolds(ctx, known)
	}
	b.Rules, b.Events, b.last = slices.Clip(known.Rules), slices.Clip(known.Events), known.last
	for _, e := range events {
		b.last, e.Cursor = e.Cursor, ""
		if b.Events = append(b.Events, e); e.Record == nil {
			continue
		}
		for _, r := range e.Record.Rules {
			if !slices.Contains(b.Rules, r.ID) {
				b.Rules = append(b.Rules, r.ID)
			}
		}
	}
	if b.Lots, err = wallet.Collect(w.eng.Lots(ctx, id)); err != nil {
		return b, true, err
	}
	if b.Wallet.Status == wallet.Terminated {
		slices.SortFunc(b.Lots, func(x, y wallet.Lot) int { return x.ID.Compare(y.ID) })
	}
	if b.Transactions, err = wallet.Collect(w.eng.Transactions(ctx, wallet.TransactionQuery{Wallet: id, OldestFirst: true})); err != nil {
		return b, true, err
	}
	b.Draws = make([][]wallet.Draw, len(b.Transactions))
	for i, t := range b.Transactions {
		if i < len(known.Transactions) && reflect.DeepEqual(t, known.Transactions[i]) && remains(b.Lots, t.ID).Equal(remains(known.Lots, t.ID)) {
			b.Draws[i] = known.Draws[i]
			continue
		}
		if b.Draws[i], err = wallet.Collect(w.eng.Draws(ctx, t.ID)); err != nil {
			return b, true, err
		}
	}
	b.Holds, err = wallet.Collect(w.eng.Holds(ctx, wallet.HoldQuery{Wallet: id}))
	return b, true, err
}

// readHolds reads again the holds of a wallet that has not changed: one over several wallets may have, in another.
func (w *world) readHolds(ctx context.Context, known books) (b books, fresh bool, err error) {
	b = known
	if !slices.ContainsFunc(known.Holds, func(h wallet.Hold) bool { return h.State == wallet.HoldOpen && h.Wallet.IsZero() }) {
		return b, false, nil
	}
	b.Holds, err = wallet.Collect(w.eng.Holds(ctx, wallet.HoldQuery{Wallet: b.Wallet.ID}))
	return b, !reflect.DeepEqual(b.Holds, known.Holds), err
}

// remains returns what is left of a lot.
func remains(lots []wallet.Lot, id wallet.TransactionID) (left wallet.Amount) {
	for _, l := range lots {
		if l.ID == id {
			left = l.Remaining
		}
	}
	return left
}

// names are what a dump calls IDs: w0 is the first wallet created, w0.3 the fourth transaction booked on it, w0.h1 its second
// hold, w0.r2 the third rule it had.
type names map[string]string

func namesOf(all []books) names {
	n := make(names)
	for i, b := range all {
		n[b.Wallet.ID.String()] = fmt.Sprintf("w%d", i)
		for j, t := range b.Transactions {
			n[t.ID.String()] = fmt.Sprintf("w%d.%d", i, j)
		}
		for j, h := range b.Holds {
			if id := h.ID.String(); n[id] == "" {
				n[id] = fmt.Sprintf("w%d.h%d", i, len(b.Holds)-1-j)
			}
		}
		for j, id := range b.Rules {
			n[id.String()] = fmt.Sprintf("w%d.r%d", i, j)
		}
	}
	return n
}

// replace puts names in the place of the IDs in a text.
func (n names) replace(text []byte) []byte {
	const size = 36 // of an ID as text: 8-4-4-4-12 hex digits
	named := make([]byte, 0, len(text))
	for len(text) >= size {
		if text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
			if name, ok := n[string(text[:size])]; ok {
				named, text = append(named, name...), text[size:]
				continue
			}
		}
		named, text = append(named, text[0]), text[1:]
	}
	return append(named, text...)
}

// dump writes books as text, a record a line: what the model knows of them.
func dump(all []books) string { return namesOf(all).dump(all) }

func (n names) dump(some []books) string {
	var b bytes.Buffer
	for _, wallet := range some {
		line(&b, "wallet", wallet.Wallet)
		for _, l := range wallet.Lots {
			line(&b, "  lot", l)
		}
		for _, h := range wallet.Holds {
			line(&b, "  hold", h)
		}
		for i, t := range wallet.Transactions {
			line(&b, "  transaction", t)
			for _, d := range wallet.Draws[i] {
				line(&b, "    draw", d)
			}
		}
	}
	return string(n.replace(b.Bytes()))
}

// dumpAll writes all there is.
func dumpAll(all []books) string {
	var b bytes.Buffer
	for _, wallet := range all {
		for _, e := range wallet.Events {
			line(&b, "event", e)
		}
	}
	return dump(all) + string(namesOf(all).replace(b.Bytes()))
}

func line(b io.Writer, kind string, record any) {
	text, err := json.Marshal(record)
	if err != nil {
		text = []byte(err.Error())
	}
	fmt.Fprintf(b, "%s %s\n", kind, bytes.ReplaceAll(text, []byte(":null"), []byte(":[]")))
}

// say tells what a step brought about.
func (n names) say(result any, err error) string {
	if err != nil {
		return n.sayError(err)
	}
	var b bytes.Buffer
	switch r := result.(type) {
	case []wallet.Transaction:
		for _, t := range r {
			line(&b, "transaction", t)
		}
	case wallet.Receipt:
		for _, l := range r.Lines {
			line(&b, "line", l)
		}
		for _, t := range r.Transactions {
			line(&b, "transaction", t)
		}
		fmt.Fprintf(&b, "covered %s, uncovered %s %s\n", r.Covered, r.Uncovered, r.Currency)
	default:
		line(&b, fmt.Sprintf("%T", r), r)
	}
	return string(n.replace(b.Bytes()))
}

var sentinels = []error{
	wallet.ErrInvalid, wallet.ErrNotFound, wallet.ErrTerminated, wallet.ErrNotPending, wallet.ErrExpired, wallet.ErrInsufficient,
	wallet.ErrNotApplicable, wallet.ErrCurrency, wallet.ErrLimit, wallet.ErrKeyReused, wallet.ErrConflict,
}

// sayError tells which of the sentinels an error is, and its data. The message counts only if it is none of them, or not of
// the form that messages have.
func (n names) sayError(err error) string {
	var kinds []string
	for _, s := range sentinels {
		if errors.Is(err, s) {
			kinds = append(kinds, s.Error())
		}
	}
	if len(kinds) != 1 || !strings.HasPrefix(err.Error(), "wallet: ") {
		return fmt.Sprintf("error %q, which is %q", err, kinds)
	}
	text := kinds[0]
	var insufficient *wallet.InsufficientError
	var notPending *wallet.NotPendingError
	var invalid *wallet.InvalidError
	switch {
	case errors.As(err, &insufficient):
		text = insufficient.Error()
	case errors.As(err, &notPending):
		text = notPending.Error()
	case errors.As(err, &invalid) && len(invalid.Fields) == 0:
		text = "an invalid request without a field"
	}
	return string(n.replace([]byte(text)))
}

// diff lists the lines of two texts that only one of them has, or "" if they are the same.
func diff(want, got string) string {
	if want == got {
		return ""
	}
	var b strings.Builder
	only := func(sign, a, other string) {
		left := strings.Split(other, "\n")
		for _, l := range strings.Split(a, "\n") {
			if i := slices.Index(left, l); i >= 0 {
				left = slices.Delete(left, i, i+1)
			} else {
				fmt.Fprintf(&b, "%s %s\n", sign, l)
			}
		}
	}
	only("want", want, got)
	only("got ", got, want)
	return cmp.Or(b.String(), "the same lines in another order:\n"+got)
}
