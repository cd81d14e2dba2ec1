package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/rest"
)

const (
	perPage     = 20
	mostWallets = 100 // that are listed of one customer
	mostDraws   = 500 // that are listed of one transaction
)

// A view is what the page shows, in the words of its address: ?customer=…&wallet=…&type=…&state=…&page=…&transaction=….
type view struct {
	handler *handler
	r       *http.Request

	Problems []string
	Again    url.Values // the form, to be sent again as it was
	Done     string
	Allow    Actions
	Key      string // makes sending a form twice harmless
	DebugID  string

	Customer wallet.CustomerID
	Wallets  []walletRow
	More     bool // there are more wallets than are listed
	Wallet   *walletRow
	Chart    *chart

	Types, States []choice
	Rows          []row
	Total         int
	Page, Pages   int
	Detail        *detail
}

type walletRow struct {
	wallet.Wallet
	Current                   bool
	Href                      string
	Spendable, Pending, Held  figure
	Ongoing, Consumed, Kept   figure
	PaysFor, Expires, Ordinal string
}

// figure is an amount in money and in credits.
type figure struct{ Money, Credits string }

type choice struct {
	Value, Label string
	Selected     bool
}

// load reads what the address asks for.
func (v *view) load() error {
	q := v.r.URL.Query()
	v.Customer = wallet.CustomerID(q.Get("customer")) // as it is written: who may act for it was asked so
	v.Done = dones[q.Get("done")]
	err := v.allowed(rest.ListWallets, v.Customer)
	if err != nil {
		if v.Customer == "" && errors.Is(err, rest.ErrForbidden) && v.handler.authorize != nil {
			return nil // the form, for those who see some customers only
		}
		return err
	}
	if err := v.loadWallets(q.Get("wallet")); err != nil || v.Wallet == nil {
		return err
	}
	if err := v.allowed(rest.ListTransactions, v.Customer); err != nil {
		return err
	}
	if err := v.loadRows(q); err != nil {
		return err
	}
	if err := v.loadDetail(q.Get("transaction")); err != nil {
		return err
	}
	v.Chart, err = v.drawChart()
	return err
}

// loadWallets reads the customer's wallets, and chooses one: that of the ID, else the first.
func (v *view) loadWallets(id string) error {
	ctx, eng := v.r.Context(), v.handler.eng
	for w, err := range eng.Wallets(ctx, wallet.WalletQuery{Customer: v.Customer, Limit: mostWallets + 1}) {
		if err != nil {
			return err
		}
		if len(v.Wallets) == mostWallets {
			v.More = true
			break
		}
		v.Wallets = append(v.Wallets, v.walletRow(w))
	}
	if v.Customer == "" {
		return nil
	}
	if id == "" && len(v.Wallets) > 0 {
		id = v.Wallets[0].ID.String()
	}
	if id == "" {
		return nil
	}
	wanted, err := wallet.ParseID(id)
	if err != nil {
		return wallet.ErrNotFound
	}
	w, err := eng.Wallet(ctx, wanted)
	if err == nil && w.Customer != v.Customer {
		err = wallet.ErrNotFound
	}
	if err != nil {
		return err
	}
	chosen := v.walletRow(w)
	v.Wallet = &chosen
	if i := slices.IndexFunc(v.Wallets, func(r walletRow) bool { return r.ID == w.ID }); i >= 0 {
		v.Wallets[i].Current = true
	}
	return nil
}

func (v *view) walletRow(w wallet.Wallet) walletRow {
	b := w.Balance
	worth := func(credits wallet.Amount) figure {
		return figure{money(w.Money(credits)), plain(credits, 0)}
	}
	r := walletRow{
		Wallet: w, Href: address("customer", string(w.Customer), "wallet", w.ID.String()),
		Spendable: worth(b.Spendable), Pending: worth(b.Pending), Held: worth(b.Held),
		Ongoing: worth(b.Ongoing), Consumed: worth(b.Consumed), Kept: worth(b.Kept),
		PaysFor: "everything", Expires: day(w.ExpiresAt), Ordinal: ordinal(w.Priority),
	}
	var fees []string
	for _, t := range w.AppliesTo.FeeTypes {
		fees = append(fees, string(t))
	}
	for _, m := range w.AppliesTo.Metrics {
		fees = append(fees, "metric "+m)
	}
	if fees != nil {
		r.PaysFor = strings.Join(fees, ", ")
	}
	return r
}

// Title is how a wallet is called.
func (r walletRow) Title() string {
	if r.Name != "" {
		return r.Name
	}
	if r.Code != "" {
		return r.Code
	}
	return "Wallet " + r.ID.String()[:8]
}

// loadRows reads one page of the wallet's transactions.
func (v *view) loadRows(q url.Values) error {
	query := wallet.TransactionQuery{Wallet: v.Wallet.ID}
	v.Types, v.States = typeChoices(q.Get("type")), stateChoices(q.Get("state"))
	for _, t := range types {
		if t.value == q.Get("type") {
			query.Kinds = t.kinds
		}
	}
	for _, s := range states {
		if s.value == q.Get("state") {
			query.States = []wallet.State{s.state}
		}
	}
	ctx, eng := v.r.Context(), v.handler.eng
	var err error
	if v.Total, err = eng.CountTransactions(ctx, query); err != nil {
		return err
	}
	v.Pages = max(1, (v.Total+perPage-1)/perPage)
	v.Page, _ = strconv.Atoi(q.Get("page"))
	v.Page = max(1, min(v.Page, v.Pages))
	query.Offset, query.Limit = (v.Page-1)*perPage, perPage
	for t, err := range eng.Transactions(ctx, query) {
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, v.row(t))
	}
	return nil
}

// href is the address of this view with some words changed: names and values by turns.
func (v *view) href(change ...string) string {
	old := v.r.URL.Query()
	words := []string{"customer", string(v.Customer)}
	if v.Wallet != nil {
		words = append(words, "wallet", v.Wallet.ID.String())
	}
	for _, name := range []string{"type", "state", "page"} {
		words = append(words, name, old.Get(name))
	}
	return address(append(words, change...)...)
}

// address writes an address within the page; the last of one name counts, and empty words are left out.
func address(words ...string) string {
	q := make(url.Values)
	for i := 0; i < len(words); i += 2 {
		if q.Del(words[i]); words[i+1] != "" {
			q.Set(words[i], words[i+1])
		}
	}
	return "?" + q.Encode()
}

// Prev and Next are the addresses of the pages beside this one, if there are any.
func (v *view) Prev() string { return v.beside(-1) }
func (v *view) Next() string { return v.beside(+1) }

func (v *view) beside(step int) string {
	if n := v.Page + step; n >= 1 && n <= v.Pages {
		return v.href("page", strconv.Itoa(n))
	}
	return ""
}

// Here is the address of this view.
func (v *view) Here() string { return v.href() }

// clear leaves nothing on the page but a problem.
func (v *view) clear(problem string) {
	*v = view{handler: v.handler, r: v.r, DebugID: v.DebugID, Problems: []string{problem}}
}
