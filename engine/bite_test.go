package engine_test

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-12493b23/wallet"
)

// Bites make the fields of a request from random bytes. Most are ordinary, or nothing: a request is refused for one field, so
// that if each were odd often, none would get far.
type bites []byte

// next returns the next byte, and 0 when there are no more.
func (b *bites) next() byte {
	if len(*b) == 0 {
		return 0
	}
	first := (*b)[0]
	*b = (*b)[1:]
	return first
}

func (b *bites) text() string {
	switch n := b.next(); n {
	case 1:
		return "acme"
	case 2:
		return "USD"
	case 3:
		return "'; DROP TABLE wallets; --"
	case 4, 5: // so many bytes as they are
		length := min(int(b.next()), len(*b))
		s := string((*b)[:length])
		*b = (*b)[length:]
		return s
	case 6:
		return fmt.Sprintf("%300s", "long")
	case 7:
		return "charge"
	default:
		if n > 250 {
			return "a" + string(rune(n))
		}
		return ""
	}
}

func (b *bites) amount() wallet.Amount {
	switch n := b.next(); n {
	case 1:
		return amount("1")
	case 2:
		return amount("0.000000000001")
	case 3:
		return amount(most)
	case 4:
		return amount(most).Mul(amount(most))
	case 5:
		return amount("0.000000000001").Mul(amount("0.7"))
	case 6:
		return amount(fmt.Sprintf("-%d.%d", b.next(), b.next()))
	case 7:
		return amount("33.333333333333")
	case 8:
		return amount("107.000000000001")
	default:
		if n < 128 {
			return wallet.Amount{}
		}
		return amount(fmt.Sprintf("%d.%03d", n-128, b.next()))
	}
}

func (b *bites) number() int {
	switch n := b.next(); n {
	case 1:
		return math.MinInt
	case 2:
		return math.MaxInt
	case 3:
		return -int(b.next())
	default:
		return int(n)
	}
}

func (b *bites) instant() time.Time {
	switch n := b.next(); n {
	case 1:
		return start
	case 2:
		return time.Unix(math.MinInt64>>b.next()%64, 0)
	case 3:
		return time.Unix(math.MaxInt64>>b.next()%64, 0)
	case 4:
		return time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	default:
		if n < 200 {
			return time.Time{}
		}
		return start.Add(time.Duration(n) * time.Minute)
	}
}

func (b *bites) duration() time.Duration {
	switch n := b.next(); n {
	case 1:
		return math.MaxInt64
	case 2:
		return math.MinInt64
	case 3:
		return time.Duration(b.next())
	default:
		if n < 200 {
			return 0
		}
		return time.Duration(n) * time.Hour
	}
}

func (b *bites) metadata() map[string]string {
	n := b.next()
	if n < 200 {
		return nil
	}
	m := make(map[string]string)
	for i := range n % 8 {
		m[fmt.Sprint(i, b.text())] = b.text()
	}
	return m
}

func (b *bites) appliesTo() (a wallet.AppliesTo) {
	for range b.next() % 3 {
		a.FeeTypes = append(a.FeeTypes, wallet.FeeType(b.text()))
		a.Metrics = append(a.Metrics, b.text())
	}
	return a
}

func (b *bites) fee() wallet.Fee {
	return wallet.Fee{ID: fmt.Sprint(b.text(), b.next()), Type: wallet.FeeType(b.text()), Metric: b.text(), Amount: b.amount()}
}

// transaction returns the ID of one of those that are there, or another, or mostly none.
func (b *bites) transaction(d *desk) wallet.TransactionID {
	n := b.next()
	all := d.list(wallet.TransactionQuery{OldestFirst: true})
	switch {
	case n < 128:
		return wallet.TransactionID{}
	case n < 140:
		return someID
	}
	return all[int(n)%len(all)].ID
}

func (b *bites) topUp() wallet.TopUp {
	return wallet.TopUp{Paid: b.amount(), Granted: b.amount(), Money: b.amount(), GrantOnSettle: b.next()%4 == 1, Priority: b.number() % 300,
		ExpiresAt: b.instant(), ExpiresIn: b.duration(), Name: b.text(), Reference: b.text(), Metadata: b.metadata(), Key: b.text()}
}

func (b *bites) rule() wallet.Rule {
	triggers := []wallet.Trigger{wallet.TriggerInterval, wallet.TriggerThreshold, "", "x"}
	methods := []wallet.Method{wallet.MethodFixed, wallet.MethodTarget, "x"}
	periods := []wallet.Period{"", wallet.Weekly, wallet.Monthly, wallet.Quarterly, wallet.Semiannual, wallet.Yearly, "x"}
	return wallet.Rule{Trigger: triggers[b.next()%4], Method: methods[b.next()%3], Every: periods[b.next()%7], Threshold: b.amount(), Paid: b.amount(),
		Granted: b.amount(), Target: b.amount(), GrantTarget: b.next()%2 == 0, StartsAt: b.instant(), ExpiresAt: b.instant(), Name: b.text(),
		Metadata: b.metadata(), Priority: b.number() % 300, ExpiresIn: b.duration(), UntilNext: b.next()%2 == 0}
}
