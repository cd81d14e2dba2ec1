package storetest

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testMachine tells random stories to an engine on the store and to the model: after every command both must answer the same,
// and all that can be read must be the same. p is the engine's policy; nil is several, changing as the story goes.
func testMachine(t *testing.T, open func(testing.TB) store.Store, p *policy.Policy) {
	taken := 0
	until := func(share int) func(int) bool { // of the commands that the kinds of stories have together
		if *steps == 0 {
			return func(passed int) bool { return passed >= *checks }
		}
		return func(int) bool { return taken >= *steps*share/2 }
	}
	t.Run("Model", func(t *testing.T) {
		checkUntil(t, until(1), func(rt *rapid.T) {
			m := newMachine(t, rt, open, p)
			m.run(rt)
			taken += len(m.steps)
		})
	})
	t.Run("Clock", func(t *testing.T) {
		checkUntil(t, until(2), func(rt *rapid.T) {
			m := newMachine(t, rt, open, p).wider(*cmp.Or(p, &policies[0]))
			m.run(rt)
			taken += len(m.steps)
		})
	})
	t.Logf("%d commands", taken)
}

// A machine takes the steps that its author makes up.
//
// The model books what is due as soon as it can, but the engine may leave it for later. That makes no difference as long as
// the clock runs forward, so both tick before it runs back. A machine without a model does not: it asks only for what must
// always be true.
type machine struct {
	author
	*world
	model  *model
	policy *policy.Policy // nil: several
	order  *policy.Order  // nil: there were several
	before []books
	fresh  []bool // which books were read again
	looked []mark // at the model's accounts, when they were last compared
}

// A mark is by what an account of the model is seen to have changed.
type mark struct {
	entries int
	updated time.Time
}

func newMachine(tb testing.TB, rt *rapid.T, open func(testing.TB) store.Store, p *policy.Policy) *machine {
	m := &machine{author: author{strange: true}, policy: p}
	if p == nil {
		p = &policies[0]
	}
	m.world = newWorld(open(during(tb, rt)), unwarned(*p))
	m.model = newModel(*p)
	m.order = &p.Order
	return m
}

// wider makes a machine without a model.
func (m *machine) wider(p policy.Policy) *machine {
	m.model = nil
	m.setPolicy(p)
	return m
}

// unwarned is a policy without warnings of credits that expire soon, which the model does not know: a wallet changes by them.
func unwarned(p policy.Policy) policy.Policy {
	p.Alerts = slices.DeleteFunc(slices.Clone(p.Alerts), func(a policy.Alert) bool { return a.Of == policy.Expiring })
	return p
}

func (m *machine) run(rt *rapid.T) {
	rt.Repeat(map[string]func(*rapid.T){
		"":     m.check,
		"step": m.step,
	})
	m.whole(rt)
}

// whole looks at everything again: between, what gave no sign of having changed is taken to be as it was.
func (m *machine) whole(rt *rapid.T) {
	all, err := m.world.read(rt.Context())
	if err != nil {
		rt.Fatalf("read: %v", err)
	}
	if d := diff(dump(m.books), dump(all)); d != "" {
		rt.Fatalf("changed without a sign:\n%s", d)
	}
	m.before, m.books, m.looked = m.books, all, nil
	for i := range m.fresh {
		m.fresh[i] = true
	}
	m.check(rt)
}

func (m *machine) step(rt *rapid.T) {
	was := m.author.clock
	s := m.next(rt)
	if s.At.Before(was) && m.model != nil {
		m.take(rt, step{At: was, Do: doTick})
	}
	rt.Logf("%s %s", s.At.Format(time.RFC3339Nano), s)
	m.take(rt, s)
}

func (m *machine) take(rt *rapid.T, s step) {
	ctx := rt.Context()
	var got any
	var err error
	if s.Do == doPolicy {
		m.change(s)
	} else {
		got, err = m.do(ctx, s)
	}
	known := m.books
	if s.Do == doPolicy { // open lots may come in another order
		known = nil
	}
	all, fresh, readErr := m.readSince(ctx, known)
	if readErr != nil {
		rt.Fatalf("read: %v", readErr)
	}
	m.fresh, m.before, m.books, m.author.came, m.author.held = fresh, m.books, all, m.world.came, m.world.held
	if m.model == nil || s.Do == doPolicy {
		return
	}
	var created wallet.ID
	if w, ok := got.(wallet.Wallet); ok && s.Do == doCreate {
		created = w.ID
	}
	want, wantErr := m.model.do(s, created)
	m.model.readAt(s.At)
	if d := diff(m.model.names().say(want, wantErr), namesOf(all).say(got, err)); d != "" {
		rt.Fatalf("%s: the engine's answer is not the model's:\n%s", s.Do, d)
	}
}

// change gives the engine another policy.
func (m *machine) change(s step) {
	if m.world.clock = s.At; m.policy != nil {
		return
	}
	p := policies[s.Policy]
	if m.model != nil {
		p = unwarned(p)
	}
	m.setPolicy(p)
	if m.order != nil && m.order.String() != p.Order.String() {
		m.order = nil
	}
	if m.model != nil {
		m.model.policy = p
	}
}

// check compares all that can be read, and looks at what must always be true.
func (m *machine) check(rt *rapid.T) {
	if m.model != nil && m.books != nil {
		m.compare(rt)
	}
	if found := m.violations(); len(found) > 0 {
		rt.Fatalf("must always be true:\n%s", strings.Join(found, "\n"))
	}
}

// compare compares the books that were read again, and those of which the model says that they have changed.
func (m *machine) compare(rt *rapid.T) {
	m.model.readAt(m.world.clock)
	m.looked = append(m.looked, make([]mark, len(m.model.accounts)-len(m.looked))...)
	var want, got []books
	for i, a := range m.model.accounts {
		now := mark{len(a.entries), a.UpdatedAt}
		if now != m.looked[i] || i >= len(m.books) || m.fresh[i] {
			want = append(want, m.model.books(a))
			got = append(got, m.books[i:min(i+1, len(m.books))]...)
		}
		m.looked[i] = now
	}
	if len(m.books) > len(m.model.accounts) {
		rt.Fatalf("%d wallets, want %d", len(m.books), len(m.model.accounts))
	}
	if d := diff(m.model.names().dump(want), namesOf(m.books).dump(got)); d != "" {
		rt.Fatalf("the books are not the model's:\n%s", d)
	}
}

func (m *machine) violations() (found []string) {
	for i, b := range m.books {
		if !m.fresh[i] {
			continue
		}
		var before *books
		if i < len(m.before) {
			before = &m.before[i]
		}
		for _, f := range violations(m.order, before, b) {
			found = append(found, string(namesOf(m.books).replace([]byte(f))))
		}
	}
	return found
}

// during is the test as long as one of its checks runs: what the check cleans up, it cleans up at its own end.
func during(tb testing.TB, rt *rapid.T) testing.TB { return attempt{tb, rt} }

type attempt struct {
	testing.TB
	rt *rapid.T
}

func (c attempt) Cleanup(f func())                  { c.rt.Cleanup(f) }
func (c attempt) Fatalf(format string, args ...any) { c.rt.Fatalf(format, args...) }
func (c attempt) Fatal(args ...any)                 { c.rt.Fatal(args...) }
func (c attempt) Errorf(format string, args ...any) { c.rt.Errorf(format, args...) }
func (c attempt) Error(args ...any)                 { c.rt.Error(args...) }
