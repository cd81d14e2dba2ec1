package storetest

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

func (m *model) covers(a *account, f wallet.Fee) bool {
	if m.policy.Applies != nil {
		return m.policy.Applies(a.public(), f)
	}
	l := a.AppliesTo
	byType := f.Type != "" && slices.Contains(l.FeeTypes, f.Type)
	byMetric := f.Metric != "" && slices.Contains(l.Metrics, f.Metric)
	return byType || byMetric || len(l.FeeTypes)+len(l.Metrics) == 0
}

// A share is what one fee has of a payment.
type share struct {
	fee             string
	credits, amount *big.Rat
}

// take books an outbound transaction of what is free in lots: in the order given, they meet its shares.
func (m *model) take(a *account, kind wallet.Kind, lots []*entry, shares []share, at time.Time) *entry {
	credits := new(big.Rat)
	for _, s := range shares {
		credits = add(credits, s.credits)
	}
	return m.pay(a, kind, portions(lots, credits), shares, at)
}

// pay books an outbound transaction: portions of lots, in the order given, meet its shares.
func (m *model) pay(a *account, kind wallet.Kind, portions []portion, shares []share, at time.Time) *entry {
	credits, money := new(big.Rat), new(big.Rat)
	for _, s := range shares {
		credits, money = add(credits, s.credits), add(money, s.amount)
	}
	free := make([]*big.Rat, len(portions))
	for i, p := range portions {
		free[i] = p.credits
	}
	e := m.book(a, kind, credits, money, at)
	i := 0
	for _, s := range shares {
		left, unpaid := s.credits, s.amount
		for {
			for i < len(free)-1 && free[i].Sign() == 0 {
				i++
			}
			part := least(free[i], left)
			free[i], left = sub(free[i], part), sub(left, part)
			worth := least(down(mul(part, rat(a.Rate)), decimals), unpaid)
			if left.Sign() == 0 {
				worth = unpaid // the last draw of a share takes the rest
			}
			unpaid = sub(unpaid, worth)
			e.draws = append(e.draws, draw{from: portions[i].lot, credits: part, amount: worth, fee: s.fee})
			if left.Sign() == 0 {
				break
			}
		}
	}
	e.BalanceAfter = amount(a.total())
	return e
}

// price returns the credits that pay an amount of money, as far as there are so many.
func (a *account) price(money *big.Rat) *big.Rat { return least(a.creditsFor(money), a.spendable()) }

func (a *account) creditsFor(money *big.Rat) *big.Rat {
	credits := down(quo(money, rat(a.Rate)), decimals)
	if credits.Sign() == 0 {
		credits = new(big.Rat).SetFrac(big.NewInt(1), power(decimals))
	}
	return credits
}

// afford returns the credits asked for, or those that pay the money asked for, and the money, if there are as many.
func (a *account) afford(wantCredits, wantMoney wallet.Amount) (credits, money *big.Rat, err error) {
	free, credits := a.spendable(), rat(wantCredits)
	money = a.money(credits)
	if !wantMoney.IsZero() {
		money = rat(wantMoney)
		if worth := mul(free, rat(a.Rate)); worth.Cmp(money) < 0 {
			return nil, nil, &wallet.InsufficientError{Wallet: a.ID, Needed: wantMoney, Available: amount(down(worth, decimals)), Currency: a.Currency}
		}
		credits = a.price(money)
	}
	if free.Cmp(credits) < 0 {
		return nil, nil, &wallet.InsufficientError{Wallet: a.ID, Needed: wantCredits, Available: amount(free)}
	}
	return credits, money, nil
}

func (m *model) debit(a *account, d wallet.Debit, other int, at time.Time) ([]*entry, error) {
	if a.Status == wallet.Terminated {
		return nil, wallet.ErrTerminated
	}
	if !m.covers(a, d.Fee) {
		return nil, wallet.ErrNotApplicable
	}
	corrects, ok := m.corrected(a, other)
	if !ok {
		return nil, wallet.ErrInvalid
	}
	credits, money, err := a.afford(d.Credits, d.Money)
	if err != nil {
		return nil, err
	}
	if !fits(add(a.consumed(), credits)) || !fits(money) {
		return nil, wallet.ErrLimit
	}
	e := m.take(a, wallet.Consumed, m.lots(a), []share{{d.Fee.ID, credits, money}}, at)
	e.Reference, e.Corrects, e.Metadata = d.Reference, corrects, maps.Clone(d.Metadata)
	m.note(e)
	return []*entry{e}, nil
}

func (m *model) void(a *account, v wallet.Void, lot, other int, at time.Time) ([]*entry, error) {
	if a.Status == wallet.Terminated {
		return nil, wallet.ErrTerminated
	}
	corrects, ok := m.corrected(a, other)
	if !ok || lot == unknown {
		return nil, wallet.ErrInvalid
	}
	lots, free := m.lots(a), a.spendable()
	if lot != none {
		l := m.came[lot]
		if l.account != a || !l.Kind.Inbound() {
			return nil, wallet.ErrInvalid
		}
		lots, free = []*entry{l}, l.free()
	}
	credits := rat(v.Credits)
	if v.All {
		credits = free
	}
	if credits.Sign() == 0 || free.Cmp(credits) < 0 {
		return nil, &wallet.InsufficientError{Wallet: a.ID, Needed: amount(credits), Available: amount(free)}
	}
	if !fits(a.money(credits)) {
		return nil, wallet.ErrLimit
	}
	e := m.take(a, wallet.Voided, lots, []share{{"", credits, a.money(credits)}}, at)
	e.Reason, e.Corrects, e.Metadata = v.Reason, corrects, maps.Clone(v.Metadata)
	m.note(e)
	return []*entry{e}, nil
}

// charge pays fees from the customer's wallets. A preview books nothing: what was booked is taken out again.
func (m *model) charge(c wallet.Charge, preview bool, at time.Time) ([]*entry, []wallet.Line, error) {
	payers := m.payers(c)
	lines, total, paid := make([]wallet.Line, len(c.Fees)), new(big.Rat), new(big.Rat)
	for j, f := range c.Fees {
		lines[j] = wallet.Line{Fee: f, Uncovered: f.Amount}
		total = add(total, rat(f.Amount))
	}
	table := m.table(payers, c)
	for i := range table {
		for j := range table[i] {
			paid = add(paid, table[i][j])
		}
	}
	if c.Whole && paid.Cmp(total) < 0 {
		return nil, nil, &wallet.InsufficientError{Needed: amount(total), Available: amount(paid), Currency: c.Currency}
	}
	for i, a := range payers {
		money, credits := new(big.Rat), new(big.Rat)
		for _, s := range a.shares(c.Fees, table[i]) {
			money, credits = add(money, s.amount), add(credits, s.credits)
		}
		if !fits(money) || !fits(add(a.consumed(), credits)) {
			return nil, nil, wallet.ErrLimit
		}
	}
	var made []*entry
	for i, a := range payers {
		shares := a.shares(c.Fees, table[i])
		if len(shares) == 0 {
			continue
		}
		updated := a.UpdatedAt
		e := m.take(a, wallet.Consumed, m.lots(a), shares, at)
		e.Reference, e.Metadata = c.Reference, maps.Clone(c.Metadata)
		if preview {
			e.ID = wallet.TransactionID{}
			a.entries, a.UpdatedAt = a.entries[:len(a.entries)-1], updated
		}
		made = append(made, e)
		for j, f := range c.Fees {
			p := wallet.Payment{Wallet: a.ID, Transaction: e.ID}
			for _, d := range e.draws {
				if d.fee == f.ID {
					p.Draws = append(p.Draws, d.public(e))
					p.Credits, p.Amount = amount(add(rat(p.Credits), d.credits)), amount(add(rat(p.Amount), d.amount))
				}
			}
			if len(p.Draws) > 0 {
				l := &lines[j]
				l.Payments = append(l.Payments, p)
				l.Covered = amount(add(rat(l.Covered), rat(p.Amount)))
				l.Uncovered = amount(sub(rat(l.Uncovered), rat(p.Amount)))
			}
		}
	}
	if !preview {
		m.note(made...)
		m.bill(payers, c, at)
	}
	return made, lines, nil
}

// payers are the customer's active wallets of the charge's currency in wallet order.
func (m *model) payers(c wallet.Charge) (payers []*account) {
	for _, a := range m.of(c.Customer) {
		if a.Currency == c.Currency {
			payers = append(payers, a)
		}
	}
	return payers
}

// table says how much each payer pays of each fee.
func (m *model) table(payers []*account, c wallet.Charge) [][]*big.Rat {
	capacity, fees := make([]*big.Int, len(payers)), make([]*big.Int, len(c.Fees))
	covers := make([][]bool, len(payers))
	for j, f := range c.Fees {
		fees[j] = units(rat(f.Amount))
	}
	for i, a := range payers {
		capacity[i] = units(down(mul(a.spendable(), rat(a.Rate)), decimals))
		for _, f := range c.Fees {
			covers[i] = append(covers[i], m.covers(a, f))
		}
	}
	minor, _ := c.Currency.Decimals()
	var table [][]*big.Rat
	for i, row := range cover(capacity, fees, covers, power(decimals-minor)) {
		table = append(table, nil)
		for _, n := range row {
			table[i] = append(table[i], new(big.Rat).SetFrac(n, power(decimals)))
		}
	}
	return table
}

// shares splits what the account pays between the fees: the boundary between two is the amount so far, in credits, rounded
// down.
func (a *account) shares(fees []wallet.Fee, amounts []*big.Rat) (shares []share) {
	last, total := 0, new(big.Rat)
	for j, x := range amounts {
		if total = add(total, x); x.Sign() > 0 {
			last = j
		}
	}
	if total.Sign() == 0 {
		return nil
	}
	soFar, spent := new(big.Rat), new(big.Rat)
	for j, x := range amounts {
		if x.Sign() == 0 {
			continue
		}
		soFar = add(soFar, x)
		upTo := down(quo(soFar, rat(a.Rate)), decimals)
		if j == last {
			upTo = a.price(total)
		}
		shares = append(shares, share{fees[j].ID, sub(upTo, spent), x})
		spent = upTo
	}
	return shares
}

func receipt(c wallet.Charge, lines []wallet.Line, ts []wallet.Transaction) wallet.Receipt {
	r := wallet.Receipt{Currency: c.Currency, Lines: lines, Transactions: ts}
	covered, uncovered := new(big.Rat), new(big.Rat)
	for _, l := range lines {
		covered, uncovered = add(covered, rat(l.Covered)), add(uncovered, rat(l.Uncovered))
	}
	r.Covered, r.Uncovered = amount(covered), amount(uncovered)
	return r
}
