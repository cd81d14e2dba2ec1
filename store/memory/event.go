package memory

import (
	queue "container/heap"
	"fmt"
	"iter"
	"sort"
	"strconv"
	"sync"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// An event is what is kept of a [wallet.Event]: that a transaction was added or settled, or else where all of it is.
type event struct {
	cursor   uint64 // uncommitted and more, until the commit
	position uint32 // of the transaction in the ledger, or of a rare event in their list
	what     what
}

type what uint8

const (
	wasAdded what = iota
	hasSettled
	isRare
)

// uncommitted is greater than the cursor of every event that was committed.
const uncommitted = 1 << 63

// A feed gives out cursors in the order of the commits. It is locked from the moment a commit gets its own until the commit
// can be read, so that what has a greater cursor is read later, whoever's it is.
type feed struct {
	sync.Mutex
	last uint64
}

// number gives the events of a commit their cursors.
func (f *feed) number(events []spot) {
	for _, e := range events {
		f.last++
		e.ledger.events.at(e.position).cursor = f.last
	}
}

// A spot is a place among the events of a ledger.
type spot struct {
	ledger   *ledger
	position int
}

// added are the events that adding a transaction is, by the code of its kind.
var added = [...]wallet.EventKind{"", wallet.EventToppedUp, wallet.EventToppedUp, wallet.EventConsumed, wallet.EventVoided,
	wallet.EventExpired, wallet.EventRefunded, wallet.EventTransferredIn, wallet.EventTransferredOut}

func (t *tx) AddEvent(given wallet.Event) error {
	l, err := t.own(given.Wallet)
	if err != nil {
		return err
	}
	if given.Number != int64(l.events.n)+1 {
		return fmt.Errorf("store: refused event %d of wallet %s: it has %d", given.Number, given.Wallet, l.events.n)
	}
	if err := store.CheckEvent(&given); err != nil {
		return err
	}
	e := event{cursor: uncommitted + uint64(len(t.journal.events))}
	if given.Kind == wallet.EventSettled {
		e.what = hasSettled
	}
	if position := l.find(uidOf(given.Transaction.Bytes())); position >= 0 {
		e.position = uint32(position)
	} else {
		e.what = isRare
	}
	if e.what == isRare || !l.tells(&e, &given) {
		e.position, e.what = uint32(l.rare.n), isRare
		l.rare.push(given)
	}
	t.journal.events = append(t.journal.events, spot{l, l.events.n})
	l.events.push(e)
	return nil
}

// tells reports whether the transaction of e tells all there is in the event given.
func (l *ledger) tells(e *event, given *wallet.Event) bool {
	t, kind, at, rule := l.told(e)
	return kind == given.Kind && at == micros(given.At) && rule == given.Rule && t.credits == unitsOf(given.Credits) &&
		given.Hold.IsZero() && given.Alert == "" && given.Record == nil
}

// told returns the transaction of e, and what it tells.
func (l *ledger) told(e *event) (t *record, kind wallet.EventKind, at int64, rule wallet.RuleID) {
	t = l.records.at(int(e.position))
	if e.what == hasSettled {
		return t, wallet.EventSettled, t.settled, rule
	}
	if x := l.extraOf(t); x != nil {
		rule = x.rule
	}
	return t, added[t.kind], t.created, rule
}

// event makes a [wallet.Event] of the ledger's event at a position.
func (l *ledger) event(position int) (w wallet.Event) {
	e := l.events.at(position)
	if e.what == isRare {
		w = *l.rare.at(int(e.position))
	} else {
		t, kind, at, rule := l.told(e)
		w.Transaction.SetBytes(t.id.bytes())
		w.Kind, w.At, w.Rule, w.Credits = kind, instant(at), rule, t.credits.amount()
	}
	w.Wallet, w.Customer, w.Number = l.wallet.ID, l.wallet.Customer, int64(position)+1
	w.Cursor = wallet.Cursor(strconv.FormatUint(e.cursor, 10))
	return w
}

// popEvent takes the last event off.
func (l *ledger) popEvent() {
	if l.events.at(l.events.n-1).what == isRare {
		l.rare.pop()
	}
	l.events.pop()
}

func (r *reader) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		tails, err := r.tails(q)
		if err != nil {
			yield(wallet.Event{}, err)
			return
		}
		queue.Init(&tails)
		for n := 0; len(tails) > 0 && (q.Limit == 0 || n < q.Limit); n++ {
			next := &tails[0]
			if !yield(next.ledger.event(next.position), nil) {
				return
			}
			if next.position++; next.position < next.ledger.events.n {
				queue.Fix(&tails, 0)
			} else {
				queue.Pop(&tails)
			}
		}
	}
}

// tails returns what there is to read of the ledgers that a query selects.
func (r *reader) tails(q wallet.EventQuery) (all tails, err error) {
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
				all = append(all, spot{l, next})
			}
		}
	}
	return all, err
}

// tails are what is left to read of some ledgers, each from a position on: a heap, the least cursor first.
type tails []spot

func (t tails) cursor(i int) uint64 { return t[i].ledger.events.at(t[i].position).cursor }
func (t tails) Len() int            { return len(t) }
func (t tails) Less(i, j int) bool  { return t.cursor(i) < t.cursor(j) }
func (t tails) Swap(i, j int)       { t[i], t[j] = t[j], t[i] }
func (t *tails) Push(x any)         { *t = append(*t, x.(spot)) }
func (t *tails) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}
