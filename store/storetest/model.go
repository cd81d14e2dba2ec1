package storetest

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// A model is the rules again: small, slow, and meant to be obviously right. It keeps nothing that can be worked out, sorts
// whenever it needs an order, and computes with fractions. What it does not know (credits that expire soon) is not asked of
// it.
type model struct {
	policy   policy.Policy
	accounts []*account            // in the order they were created
	came     []*entry              // in the order commands returned them
	holds    []*hold               // in the order they were authorized
	memory   map[string]remembered // by customer and key
}

// An account is a wallet; its Balance and Rules are not used.
type account struct {
	wallet.Wallet
	number    int      // in the order they were created
	entries   []*entry // in the order they were booked
	rules     []*rule
	everRules []wallet.RuleID // of all the rules there ever were
	usage     []usage         // in progress
	holds     []*hold         // that are, or were, in it
}

// An entry is a transaction. If it is inbound and settled, it is a lot too.
type entry struct {
	wallet.Transaction
	account *account
	credits *big.Rat
	lapsed  bool   // a pending purchase whose time is over
	pair    *entry // of a purchase and the grant that waits for it
	draws   []draw // of an outbound one
}

type draw struct {
	from            *entry
	credits, amount *big.Rat
	fee             string
	back, paidBack  *big.Rat // how much of both was refunded; nil: nothing
}

func newModel(p policy.Policy) *model { return &model{policy: p, memory: make(map[string]remembered)} }

// book adds a transaction that is settled at once.
func (m *model) book(a *account, kind wallet.Kind, credits, money *big.Rat, at time.Time) *entry {
	e := &entry{account: a, credits: credits}
	e.Transaction = wallet.Transaction{
		ID: m.nameFor(a), Wallet: a.ID, Customer: a.Customer, Kind: kind, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: amount(credits), Money: wallet.Money{Amount: amount(money), Currency: a.Currency},
		CreatedAt: at, SettledAt: at,
	}
	a.entries = append(a.entries, e)
	a.UpdatedAt = at
	return e
}

// nameFor returns an ID for the account's next transaction. What it is does not matter: dumps have names instead.
func (m *model) nameFor(a *account) (id wallet.TransactionID) {
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], 0xffffffff)
	binary.BigEndian.PutUint32(b[8:], uint32(a.number))
	binary.BigEndian.PutUint32(b[12:], uint32(len(a.entries)))
	id.SetBytes(b)
	return id
}

// left is what remains of a lot.
func (e *entry) left() *big.Rat {
	left := new(big.Rat)
	if !e.Kind.Inbound() || e.State != wallet.Settled {
		return left
	}
	left.Set(e.credits)
	for _, by := range e.account.entries {
		for _, d := range by.draws {
			if d.from == e {
				left.Sub(left, d.credits)
			}
		}
	}
	return left
}

// lots are the account's open lots in spending order.
func (m *model) lots(a *account) []*entry {
	var open []*entry
	for _, e := range a.entries {
		if e.left().Sign() > 0 {
			open = append(open, e)
		}
	}
	slices.SortStableFunc(open, func(x, y *entry) int { // stable: the order of booking is the order of IDs
		return compare(m.policy.Order, x.lot(), y.lot())
	})
	return open
}

// compare orders lots by a policy's criteria, leaving out the ID.
func compare(o policy.Order, x, y wallet.Lot) int {
	if o == nil {
		o = policy.Order{policy.ByPriority, policy.SoonestExpiry, policy.GrantedFirst, policy.OldestFirst}
	}
	for _, c := range o {
		var order int
		switch c {
		case policy.ByPriority:
			order = cmp.Compare(rank(x.Priority), rank(y.Priority))
		case policy.SoonestExpiry:
			switch {
			case x.ExpiresAt.IsZero() || y.ExpiresAt.IsZero():
				order = cmp.Compare(truth(x.ExpiresAt.IsZero()), truth(y.ExpiresAt.IsZero()))
			default:
				order = x.ExpiresAt.Compare(y.ExpiresAt)
			}
		case policy.GrantedFirst:
			order = cmp.Compare(truth(x.Kind == wallet.Purchased), truth(y.Kind == wallet.Purchased))
		case policy.PurchasedFirst:
			order = cmp.Compare(truth(x.Kind == wallet.Granted), truth(y.Kind == wallet.Granted))
		case policy.OldestFirst:
			order = x.OpenedAt.Compare(y.OpenedAt)
		case policy.NewestFirst:
			order = y.OpenedAt.Compare(x.OpenedAt)
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rank puts a priority that is not set behind all that are.
func rank(priority int) int {
	if priority == 0 {
		return 1000
	}
	return priority
}

func (e *entry) lot() wallet.Lot {
	l := wallet.Lot{
		ID: e.ID, Wallet: e.Wallet, Kind: e.Kind, Credits: e.Credits, Remaining: amount(e.left()), Held: amount(e.held()),
		Priority: e.Priority, ExpiresAt: e.ExpiresAt, OpenedAt: e.SettledAt,
	}
	if e.Origin != "" { // it keeps the place of the lot it comes from
		l.Kind, l.OpenedAt = e.Origin, e.Since
	}
	return l
}

// total is what remains in all lots.
func (a *account) total() *big.Rat {
	sum := new(big.Rat)
	for _, e := range a.entries {
		sum.Add(sum, e.left())
	}
	return sum
}

func (a *account) pending() *big.Rat {
	sum := new(big.Rat)
	for _, e := range a.entries {
		if e.State == wallet.Pending && !e.lapsed {
			sum.Add(sum, e.credits)
		}
	}
	return sum
}

func (a *account) consumed() *big.Rat {
	sum := new(big.Rat)
	for _, e := range a.entries {
		switch e.Kind {
		case wallet.Consumed:
			sum.Add(sum, e.credits)
		case wallet.Refunded:
			sum.Sub(sum, e.credits)
		}
	}
	return sum
}

// spendable is the total of an active wallet but what is held: what has expired was taken out when it did.
func (a *account) spendable() *big.Rat {
	if a.Status == wallet.Terminated {
		return new(big.Rat)
	}
	return sub(a.total(), a.held())
}

// money is what credits are worth.
func (a *account) money(credits *big.Rat) *big.Rat {
	return halfEven(mul(credits, rat(a.Rate)), decimals)
}

// public is the wallet as its host sees it.
func (a *account) public() wallet.Wallet {
	w := a.Wallet
	w.Balance = wallet.Balance{
		Spendable: amount(a.spendable()), Held: amount(a.held()), Ongoing: amount(a.ongoing()), Pending: amount(a.pending()), Consumed: amount(a.consumed()),
		Kept: amount(sub(sub(a.total(), a.spendable()), a.held())),
	}
	w.Metadata = maps.Clone(a.Metadata)
	for _, r := range a.rules {
		w.Rules = append(w.Rules, r.Rule)
	}
	return w
}

// of are the customer's active wallets in wallet order.
func (m *model) of(customer wallet.CustomerID) []*account {
	var active []*account
	for _, a := range m.accounts {
		if a.Customer == customer && a.Status == wallet.Active {
			active = append(active, a)
		}
	}
	slices.SortFunc(active, func(x, y *account) int {
		return cmp.Or(cmp.Compare(rank(x.Priority), rank(y.Priority)), x.CreatedAt.Compare(y.CreatedAt), x.ID.Compare(y.ID))
	})
	return active
}

// read returns the books of every account as they are at an instant.
func (m *model) read(at time.Time) []books {
	m.readAt(at)
	all := make([]books, len(m.accounts))
	for i, a := range m.accounts {
		all[i] = m.books(a)
	}
	return all
}

// readAt books what is due by an instant at which everything is read.
func (m *model) readAt(at time.Time) {
	at = at.Truncate(time.Microsecond)
	for _, a := range m.accounts {
		m.catchUp(a.Customer, later(at, a.UpdatedAt))
	}
}

func (m *model) books(a *account) (b books) {
	b.Wallet, b.Rules, b.Holds = a.public(), a.everRules, a.allHolds()
	lots := m.lots(a)
	if a.Status == wallet.Terminated {
		slices.SortFunc(lots, func(x, y *entry) int { return x.ID.Compare(y.ID) })
	}
	for _, e := range lots {
		b.Lots = append(b.Lots, e.lot())
	}
	for _, e := range a.entries {
		b.Transactions = append(b.Transactions, e.Transaction)
		b.Draws = append(b.Draws, e.allDraws())
	}
	return b
}

// names are those of the accounts as they are.
func (m *model) names() names {
	all := make([]books, len(m.accounts))
	for i, a := range m.accounts {
		all[i].Wallet.ID, all[i].Rules, all[i].Holds = a.ID, a.everRules, a.allHolds()
		for _, e := range a.entries {
			all[i].Transactions = append(all[i].Transactions, e.Transaction)
		}
	}
	return namesOf(all)
}

// allDraws are the draws that an outbound transaction made, or those made from the lot of an inbound one.
func (e *entry) allDraws() (all []wallet.Draw) {
	for _, by := range e.account.entries {
		for _, d := range by.draws {
			if by == e || d.from == e {
				all = append(all, d.public(by))
			}
		}
	}
	return all
}

func (d draw) public(by *entry) wallet.Draw {
	return wallet.Draw{
		Lot: d.from.ID, By: by.ID, Wallet: by.Wallet, Kind: by.Kind,
		Credits: amount(d.credits), Amount: amount(d.amount), Fee: d.fee,
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
