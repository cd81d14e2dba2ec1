package console

import (
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/rest"
)

// A row is a transaction in the table.
type row struct {
	ID                        string
	Type, Description         string
	State, Class              string // as it is called, and how it is coloured
	Payment, Expiry, Priority string
	At                        time.Time
	Money, Credits            string // signed
	Outbound, Pending         bool
	Href                      string // of what paid for it
	Current                   bool
}

// types are what the table tells apart.
var types = []struct {
	value, label string
	kinds        []wallet.Kind
}{
	{"free", "Free Credits Added", []wallet.Kind{wallet.Granted}},
	{"purchased", "Purchased Credits (Invoiced)", []wallet.Kind{wallet.Purchased}},
	{"debited", "Debited", []wallet.Kind{wallet.Consumed}},
	{"voided", "Voided", []wallet.Kind{wallet.Voided}},
	{"expired", "Expired", []wallet.Kind{wallet.Expired}},
	{"refunded", "Refunded", []wallet.Kind{wallet.Refunded}},
	{"transferred", "Transferred", []wallet.Kind{wallet.TransferredIn, wallet.TransferredOut}},
}

var states = []struct {
	value, label string
	state        wallet.State
}{
	{"completed", "Completed", wallet.Settled},
	{"pending", "Pending", wallet.Pending},
	{"failed", "Failed", wallet.Failed},
}

func typeChoices(selected string) []choice {
	all := []choice{{"", "All types", selected == ""}}
	for _, t := range types {
		all = append(all, choice{t.value, t.label, t.value == selected})
	}
	return all
}

func stateChoices(selected string) []choice {
	all := []choice{{"", "All states", selected == ""}}
	for _, s := range states {
		all = append(all, choice{s.value, s.label, s.value == selected})
	}
	return all
}

func typeLabel(k wallet.Kind) string {
	for _, t := range types {
		for _, kind := range t.kinds {
			if kind == k {
				return t.label
			}
		}
	}
	return string(k)
}

func (v *view) row(t wallet.Transaction) row {
	r := row{
		ID: t.ID.String(), Type: typeLabel(t.Kind), Description: describe(t), Expiry: day(t.ExpiresAt), Priority: ordinal(t.Priority),
		At: t.CreatedAt, Money: signed(t.Kind, money(t.Money)), Credits: signed(t.Kind, plain(t.Credits, 0)),
		Outbound: !t.Kind.Inbound(), Pending: t.State == wallet.Pending,
		Href: v.href("transaction", t.ID.String()) + "#paid",
	}
	for _, s := range states {
		if s.state == t.State {
			r.State, r.Class = s.label, s.value
		}
	}
	switch t.State {
	case wallet.Settled:
		r.At = t.SettledAt
	case wallet.Failed:
		r.At = t.FailedAt
	}
	if t.ExpiresAt.IsZero() && t.ExpiresIn > 0 {
		r.Expiry = t.ExpiresIn.String() + " after payment"
	}
	return r
}

// describe says what a transaction is about, in the words it came with.
func describe(t wallet.Transaction) string {
	var parts []string
	for _, part := range []string{t.Name, t.Reference, t.Reason} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if t.Source != wallet.SourceManual && t.Source != "" {
		parts = append(parts, "by "+string(t.Source)+" rule")
	}
	return strings.Join(parts, " · ")
}

// A detail is what paid for an outbound transaction, or what an inbound one paid for.
type detail struct {
	Row   row
	Draws []drawRow
	More  bool
}

type drawRow struct {
	Other               row // the lot, or what it paid for
	Fee, Money, Credits string
}

// loadDetail reads what paid for a transaction of the wallet.
func (v *view) loadDetail(id string) error {
	if id == "" {
		return nil
	}
	if err := v.allowed(rest.ListDraws, v.Customer); err != nil {
		return err
	}
	ctx, eng := v.r.Context(), v.handler.eng
	wanted, err := wallet.ParseTransactionID(id)
	if err != nil {
		return wallet.ErrNotFound
	}
	t, err := eng.Transaction(ctx, wanted)
	if err != nil {
		return err
	}
	if t.Wallet != v.Wallet.ID {
		return wallet.ErrNotFound
	}
	v.Detail = &detail{Row: v.row(t)}
	for d, err := range eng.Draws(ctx, wanted) {
		if err != nil {
			return err
		}
		if len(v.Detail.Draws) == mostDraws {
			v.Detail.More = true
			break
		}
		other := d.Lot
		if t.Kind.Inbound() {
			other = d.By
		}
		o, err := eng.Transaction(ctx, other)
		if err != nil {
			return err
		}
		v.Detail.Draws = append(v.Detail.Draws, drawRow{
			Other: v.row(o), Fee: d.Fee, Credits: plain(d.Credits, 0), Money: money(wallet.Money{Amount: d.Amount, Currency: t.Money.Currency}),
		})
	}
	for i := range v.Rows {
		v.Rows[i].Current = v.Rows[i].ID == id
	}
	return nil
}

// plain writes an amount with at least so many decimals, and commas between thousands.
func plain(a wallet.Amount, decimals int) string {
	whole, rest, _ := strings.Cut(a.String(), ".")
	sign := ""
	if whole[0] == '-' {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest += strings.Repeat("0", max(0, decimals-len(rest))); rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// money writes money with the decimals of its currency, or as many more as it has.
func money(m wallet.Money) string {
	minor, _ := m.Currency.Decimals()
	return plain(m.Amount, minor) + " " + string(m.Currency)
}

func signed(k wallet.Kind, figure string) string {
	if k.Inbound() {
		return "+" + figure
	}
	return "−" + figure
}

func ordinal(priority int) string {
	if priority == 0 {
		return "--"
	}
	return strconv.Itoa(priority)
}

// day writes an instant for people, in UTC.
func day(t time.Time) string {
	if t.IsZero() {
		return "--"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// instant writes an instant for machines.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sentence makes a message a sentence.
func sentence(s string) string {
	s = strings.Join(strings.Fields(strings.TrimPrefix(s, "wallet: ")), " ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
