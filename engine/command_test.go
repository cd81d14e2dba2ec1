package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// A teller runs the commands of a story, and says in plain words what they bring about.
type teller struct {
	*world
	wallets map[string]wallet.ID            // by the name that create gave them
	named   map[string]wallet.TransactionID // w.2 is the second transaction of wallet w that was talked of
	names   map[string]string               // by ID, the reverse of both
	counts  map[wallet.ID]int
	holds   map[string]wallet.HoldID // by the name that authorize gave them
}

func newTeller(w *world) *teller {
	return &teller{w, make(map[string]wallet.ID), make(map[string]wallet.TransactionID), make(map[string]string), make(map[wallet.ID]int), nil}
}

// tell runs a command, as in
//
//	create w rate 0.5 priority 1 for charge metric gpu   of customer acme in USD at rate 1, if it does not say otherwise
//	update w priority 2 expires never
//	grant w 100 until 2036-01-01                         or: in 24h, from its settlement on
//	topup w paid 15 granted 3 onsettle as purchase bonus names for what it makes; else they are w.1, w.2 and so on
//	settle w.1; fail w.1 reason declined
//	debit w 40 type charge; debit w money 20
//	charge acme fee a type charge 25 fee b metric gpu 25 preview charge
//	void w 40; void w all lot w.1 reason mistake
//	terminate w
//	wait 24h; clock 2036-01-01T12:00:00Z; tick
//	policy autocomplete keep order priority,newest
//	balance w; lots w; transactions w; draws w.1
//
// and returns what there is to say of it, line by line.
func (l *teller) tell(line string) []string {
	l.t.Helper()
	words := strings.Fields(line)
	verb, words := words[0], words[1:]
	q := &request{teller: l, words: words}
	switch verb {
	case "clock":
		l.clock = q.instant()
	case "wait":
		l.wait(q.duration())
	case "policy":
		l.use(q.policy())
	case "tick":
		n, err := l.Tick(ctx())
		return l.or(err, fmt.Sprintf("%d customers brought up to date", n))
	case "create":
		return l.create(q)
	case "update":
		return l.update(q)
	case "grant", "topup":
		id := q.wallet()
		made, err := l.TopUp(ctx(), id, q.topUp())
		return l.or(err, l.sayAll(made, q.as)...)
	case "settle":
		made, err := l.Settle(ctx(), q.transaction(), wallet.Settlement{Metadata: q.options().metadata})
		return l.or(err, l.sayAll(made, nil)...)
	case "fail":
		id := q.transaction()
		made, err := l.Fail(ctx(), id, q.options().reason)
		return l.or(err, l.sayAll(made, nil)...)
	case "debit":
		id := q.wallet()
		o := q.options()
		made, err := l.Debit(ctx(), id, wallet.Debit{Credits: o.credits, Money: o.money, Fee: wallet.Fee{Type: o.feeType, Metric: o.metric},
			Reference: o.reference, Corrects: o.corrects, Metadata: o.metadata, Key: o.key})
		return l.or(err, l.sayAll([]wallet.Transaction{made}, q.as)...)
	case "charge", "preview":
		customer := wallet.CustomerID(q.next())
		o := q.options()
		do := l.Charge
		if verb == "preview" {
			do = l.Preview
		}
		r, err := do(ctx(), wallet.Charge{Customer: customer, Currency: o.currency, Fees: o.fees, Whole: o.whole,
			Reference: o.reference, Metadata: o.metadata, Key: o.key})
		return l.or(err, l.sayReceipt(r)...)
	case "void":
		id := q.wallet()
		o := q.options()
		made, err := l.Void(ctx(), id, wallet.Void{Credits: o.credits, All: o.all, Lot: o.lot, Reason: o.reason,
			Corrects: o.corrects, Metadata: o.metadata, Key: o.key})
		return l.or(err, l.sayAll([]wallet.Transaction{made}, q.as)...)
	case "terminate":
		_, err := l.Terminate(ctx(), q.wallet())
		return l.or(err)
	case "balance":
		found, err := l.Wallet(ctx(), q.wallet())
		return l.or(err, l.sayBalance(found))
	case "lots":
		lots, err := wallet.Collect(l.Lots(ctx(), q.wallet()))
		return l.or(err, l.sayLots(lots)...)
	case "transactions":
		all, err := wallet.Collect(l.Transactions(ctx(), wallet.TransactionQuery{Wallet: q.wallet(), OldestFirst: true}))
		return l.or(err, l.sayBooked(all)...)
	case "draws":
		all, err := wallet.Collect(l.Draws(ctx(), q.transaction()))
		return l.or(err, l.sayDraws(all)...)
	default:
		return l.tellLive(verb, q)
	}
	return nil
}

// or returns what went wrong, or else the lines.
func (l *teller) or(err error, lines ...string) []string {
	if err != nil {
		return []string{"refused: " + l.rename(strings.TrimPrefix(err.Error(), "wallet: "))}
	}
	return lines
}

func (l *teller) create(q *request) []string {
	name := q.next()
	o := q.options()
	spec := wallet.Spec{Customer: o.customer, Currency: o.currency, Rate: o.rate, Code: o.code, Priority: o.priority, AppliesTo: o.appliesTo,
		ExpiresAt: o.expiresAt, Limits: o.limits, Metadata: o.metadata, Key: o.key,
		TopUp: wallet.TopUp{Paid: o.paid, Granted: o.granted}}
	w, err := l.Create(ctx(), spec)
	if err != nil {
		return l.or(err)
	}
	if before, known := l.names[w.ID.String()]; known {
		return []string{"the same as " + before}
	}
	l.wallets[name], l.names[w.ID.String()] = w.ID, name
	return l.sayAll(l.list(wallet.TransactionQuery{Wallet: w.ID, OldestFirst: true}), q.as)
}

func (l *teller) update(q *request) []string {
	id := q.wallet()
	var c wallet.Changes
	said := make(map[string]bool)
	for _, word := range q.words {
		said[word] = true
	}
	o := q.options()
	if said["priority"] {
		c.Priority = &o.priority
	}
	if said["code"] {
		c.Code = &o.code
	}
	if said["until"] {
		c.ExpiresAt = &o.expiresAt
	}
	if said["for"] || said["metric"] {
		c.AppliesTo = &o.appliesTo
	}
	if said["min"] || said["max"] {
		c.Limits = &o.limits
	}
	c.Key = o.key
	_, err := l.Update(ctx(), id, c)
	return l.or(err)
}

// A request is the words of a command that were not read yet.
type request struct {
	*teller
	words []string
	as    []string
}

func (q *request) next() string {
	if len(q.words) == 0 {
		q.t.Fatal("a command ends too early")
	}
	word := q.words[0]
	q.words = q.words[1:]
	return word
}

func (q *request) wallet() wallet.ID {
	name := q.next()
	id, known := q.wallets[name]
	if !known {
		q.t.Fatalf("no wallet %q", name)
	}
	return id
}

func (q *request) transaction() wallet.TransactionID {
	name := q.next()
	id, known := q.named[name]
	if !known {
		q.t.Fatalf("no transaction %q", name)
	}
	return id
}

func (q *request) amount() wallet.Amount { return must(wallet.ParseAmount(q.next())) }

func (q *request) instant() time.Time {
	word := q.next()
	if word == "never" {
		return time.Time{}
	}
	if !strings.Contains(word, "T") {
		word += "T00:00:00Z"
	}
	return must(time.Parse(time.RFC3339Nano, word))
}

func (q *request) duration() time.Duration {
	word := q.next()
	if days, ok := strings.CutSuffix(word, "d"); ok {
		return time.Duration(must(strconv.Atoi(days))) * 24 * time.Hour
	}
	return must(time.ParseDuration(word))
}

func (q *request) policy() (p policy.Policy) {
	criteria := make(map[string]policy.Criterion)
	for c := policy.ByPriority; c <= policy.NewestFirst; c++ {
		criteria[c.String()] = c
	}
	for len(q.words) > 0 {
		switch word := q.next(); word {
		case "autocomplete":
			p.AutoComplete = policy.Always
		case "keep":
			p.OnTerminate = policy.KeepRemaining
		case "order":
			for _, name := range strings.Split(q.next(), ",") {
				p.Order = append(p.Order, criteria[name])
			}
		case "low", "lownet":
			a := policy.Alert{Name: word, Level: q.amount()}
			if word == "lownet" {
				a.Of = policy.Net
			}
			p.Alerts = append(p.Alerts, a)
		case "expiring":
			p.Alerts = append(p.Alerts, policy.Alert{Name: word, Of: policy.Expiring, Within: q.duration()})
		case "grace":
			p.RefundGrace = q.duration()
		default:
			q.t.Fatalf("no such choice: %q", word)
		}
	}
	return p
}
