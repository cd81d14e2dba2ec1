package memory

import (
	queue "container/heap"
	"fmt"
	"iter"
	"sort"
	"strconv"

	"github.com/seed-12493b23/wallet"
)

// An event is what is kept of a [wallet.Event]: that it is about the transaction at a position, or else all of it.
type event struct {
	cursor   uint64
	rare     *wallet.Event
	position uint32
	settled  bool // the transaction settled; else it was added
}

// added are the events that adding a transaction is, by its kind.
var added = map[wallet.Kind]wallet.EventKind{
	wallet.Purchased: wallet.EventToppedUp, wallet.Granted: wallet.EventToppedUp,
	wallet.Refunded: wallet.EventRefunded, wallet.TransferredIn: wallet.EventTransferredIn,
	wallet.Consumed: wallet.EventConsumed, wallet.Voided: wallet.EventVoided,
	wallet.Expired: wallet.EventExpired, wallet.TransferredOut: wallet.EventTransferredOut,
}

func (t *tx) AddEvent(given wallet.Event) error {
	l, err := t.own(given.Wallet)
	if err != nil {
		return err
	}
	if given.Number != int64(l.events.n)+1 {
		return fmt.Errorf("store: refused event %d of wallet %s: it has %d", given.Number, given.Wallet, l.events.n)
	}
	e := event{cursor: t.store.cursor.Add(1)}
	if !l.about(&e, &given) {
		kept := given
		e.rare = &kept
	}
	l.events.push(e)
	t.journal.events = append(t.journal.events, l)
	return nil
}

// about makes e an event about a transaction, if that tells all there is in the event given.
func (l *ledger) about(e *event, given *wallet.Event) bool {
	position := l.find(uidOf(given.Transaction.Bytes()))
	if position < 0 {
		return false
	}
	e.position, e.settled = uint32(position), given.Kind == wallet.EventSettled
	shown := l.event(e, given.Number)
	return shown.Kind == given.Kind && shown.At.Equal(given.At) && shown.Credits.Equal(given.Credits) &&
		shown.Rule == given.Rule && given.Hold.IsZero() && given.Alert == "" && given.Wrote == nil
}

// event makes a [wallet.Event] of an event.
func (l *ledger) event(e *event, number int64) (w wallet.Event) {
	if e.rare != nil {
		w = *e.rare
	} else {
		t := l.records.at(int(e.position))
		w.Kind, w.At, w.Credits = added[kinds[t.kind]], instant(t.created), t.credits
		if e.settled {
			w.Kind, w.At = wallet.EventSettled, instant(t.settled)
		} else if t.extra != nil {
			w.Rule = t.extra.rule
		}
		w.Transaction.SetBytes(t.id.bytes())
	}
	w.Wallet, w.Customer, w.Number = l.wallet.ID, l.wallet.Customer, number
	w.Cursor = wallet.Cursor(strconv.FormatUint(e.cursor, 10))
	return w
}

func (r *reader) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		feeds, err := r.feeds(q)
		if err != nil {
			yield(wallet.Event{}, err)
			return
		}
		queue.Init(&feeds)
		for n := 0; len(feeds) > 0 && (q.Limit == 0 || n < q.Limit); n++ {
			f := &feeds[0]
			if !yield(f.ledger.event(f.ledger.events.at(f.next), int64(f.next)+1), nil) {
				return
			}
			if f.next++; f.next < f.ledger.events.n {
				queue.Fix(&feeds, 0)
			} else {
				queue.Pop(&feeds)
			}
		}
	}
}

// feeds returns what there is to read of the ledgers that a query selects.
func (r *reader) feeds(q wallet.EventQuery) (all feeds, err error) {
	var after uint64
	if q.After != "" {
		if after, err = strconv.ParseUint(string(q.After), 10, 64); err != nil {
			bad := new(wallet.InvalidError)
			bad.Add("after", string(q.After), "is not a cursor")
			return nil, bad
		}
	}
	accounts, err := r.accounts(q.Customer, q.Wallet)
	for _, a := range accounts {
		for _, l := range a.ledgers {
			if !q.Wallet.IsZero() && l.wallet.ID != q.Wallet {
				continue
			}
			next := sort.Search(l.events.n, func(i int) bool { return l.events.at(i).cursor > after })
			if next < l.events.n {
				all = append(all, feed{l, next})
			}
		}
	}
	return all, err
}

// A feed is a place in the events of a ledger. The one with the least cursor is first in a heap of feeds.
type feed struct {
	ledger *ledger
	next   int
}

type feeds []feed

func (f feeds) cursor(i int) uint64 { return f[i].ledger.events.at(f[i].next).cursor }
func (f feeds) Len() int            { return len(f) }
func (f feeds) Less(i, j int) bool  { return f.cursor(i) < f.cursor(j) }
func (f feeds) Swap(i, j int)       { f[i], f[j] = f[j], f[i] }
func (f *feeds) Push(x any)         { *f = append(*f, x.(feed)) }
func (f *feeds) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
