package engine_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// options are all that a command of a story can say behind its subject.
type options struct {
	credits, paid, granted, money wallet.Amount
	onSettle                      bool

	customer          wallet.CustomerID
	currency          wallet.Currency
	rate              wallet.Amount
	code, key, reason string
	reference         string
	priority          int
	appliesTo         wallet.AppliesTo
	limits            wallet.Limits
	expiresAt         time.Time
	expiresIn         time.Duration
	corrects, lot     wallet.TransactionID
	metadata          map[string]string

	feeType    wallet.FeeType
	metric     string
	fees       []wallet.Fee
	whole, all bool
	more       bool
	over       wallet.Over
	kind       wallet.Kind
}

// options reads the rest of the command. A number stands for itself, in credits.
func (q *request) options() (o options) {
	o = options{customer: "acme", currency: "USD", rate: amount("1")}
	for len(q.words) > 0 {
		switch word := q.next(); word {
		case "paid":
			o.paid = q.amount()
		case "granted":
			o.granted = q.amount()
		case "money":
			o.money = q.amount()
		case "onsettle":
			o.onSettle = true
		case "customer":
			o.customer = wallet.CustomerID(q.next())
		case "currency":
			o.currency = wallet.Currency(q.next())
		case "rate":
			o.rate = q.amount()
		case "code":
			if o.code = q.next(); o.code == "none" {
				o.code = ""
			}
		case "key":
			o.key = q.next()
		case "reason":
			o.reason = strings.Join(q.words, " ")
			q.words = nil
		case "reference":
			o.reference = q.next()
		case "priority":
			o.priority = must(strconv.Atoi(q.next()))
		case "for":
			o.appliesTo.FeeTypes = append(o.appliesTo.FeeTypes, wallet.FeeType(q.next()))
		case "type":
			o.feeType = wallet.FeeType(q.next())
		case "metric":
			o.metric = q.next()
			o.appliesTo.Metrics = append(o.appliesTo.Metrics, o.metric)
		case "fee":
			o.fees = append(o.fees, q.fee())
		case "min":
			o.limits.MinPaid = q.amount()
		case "max":
			o.limits.MaxPaid = q.amount()
		case "until":
			o.expiresAt = q.instant()
		case "in":
			o.expiresIn = q.duration()
		case "corrects":
			o.corrects = q.transaction()
		case "lot":
			o.lot = q.transaction()
		case "note":
			k, v, _ := strings.Cut(q.next(), "=")
			if o.metadata == nil {
				o.metadata = make(map[string]string)
			}
			o.metadata[k] = v
		case "whole":
			o.whole = true
		case "all":
			o.all = true
		case "as":
			q.as, q.words = q.words, nil
		default:
			if o.live(word) {
				continue
			}
			credits, err := wallet.ParseAmount(word)
			if err != nil {
				q.t.Fatalf("what is %q?", word)
			}
			o.credits = credits
		}
	}
	return o
}

// fee reads a fee: its ID, then its type or metric, if any, then its amount.
func (q *request) fee() (f wallet.Fee) {
	for f.ID = q.next(); ; {
		switch word := q.next(); word {
		case "type":
			f.Type = wallet.FeeType(q.next())
		case "metric":
			f.Metric = q.next()
		default:
			f.Amount = must(wallet.ParseAmount(word))
			return f
		}
	}
}

// topUp reads a top-up; a number that stands for itself is granted.
func (q *request) topUp() wallet.TopUp {
	o := q.options()
	return wallet.TopUp{Paid: o.paid, Granted: o.granted.Add(o.credits), Money: o.money, GrantOnSettle: o.onSettle,
		Priority: o.priority, ExpiresAt: o.expiresAt, ExpiresIn: o.expiresIn,
		Reference: o.reference, Corrects: o.corrects, Metadata: o.metadata, Key: o.key}
}
