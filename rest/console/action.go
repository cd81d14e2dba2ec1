package console

import (
	"net/http"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/rest"
)

// maxForm is the size of a form at most, in bytes.
const maxForm = 64 << 10

// dones are what the page says after a form, by the word in its address.
var dones = map[string]string{
	"topup": "The credits were added.", "void": "The credits were removed.", "settle": "The purchase is paid: its credits can be spent.",
	"fail": "The purchase has failed.", "terminate": "The wallet is terminated.",
}

// An action is what a form of the page does.
type action struct {
	allowed   func(Actions) bool
	operation rest.Operation
	do        func(*view) error
}

var actions = map[string]action{
	"topup":     {func(a Actions) bool { return a.TopUp }, rest.CreateTransaction, (*view).topUp},
	"void":      {func(a Actions) bool { return a.Void }, rest.CreateTransaction, (*view).void},
	"settle":    {func(a Actions) bool { return a.Settle }, rest.SettleTransaction, (*view).settle},
	"fail":      {func(a Actions) bool { return a.Settle }, rest.FailTransaction, (*view).failPurchase},
	"terminate": {func(a Actions) bool { return a.Terminate }, rest.TerminateWallet, (*view).terminate},
}

// act does what a form asks for, and returns the address to go on at. Only forms of the page's own are heard.
func (v *view) act(w http.ResponseWriter) (to string, err error) {
	var own http.CrossOriginProtection
	if err := own.Check(v.r); err != nil || v.r.Header.Get("Sec-Fetch-Site") == "" && v.r.Header.Get("Origin") == "" {
		return "", rest.ErrForbidden
	}
	v.r.Body = http.MaxBytesReader(w, v.r.Body, maxForm)
	if v.r.ParseForm() != nil {
		return "", rest.ErrForbidden
	}
	name := v.r.PostForm.Get("action")
	a, ok := actions[name]
	v.Customer = wallet.CustomerID(v.r.URL.Query().Get("customer"))
	if !ok || !a.allowed(v.Allow) || v.Customer == "" {
		if err := v.allowed(rest.ListWallets, ""); err != nil {
			return "", err
		}
		return "", rest.ErrForbidden
	}
	if err := v.allowed(a.operation, v.Customer); err != nil {
		return "", err
	}
	if err := v.load(); err != nil {
		return "", err
	}
	if v.Wallet == nil {
		return "", wallet.ErrNotFound
	}
	if err := a.do(v); err != nil {
		return "", err
	}
	return v.href("page", "", "done", name), nil
}

// field returns what was typed into a field of the form.
func (v *view) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// credits reads a field with a number of credits; empty is none.
func (v *view) credits(bad *wallet.InvalidError, name string) wallet.Amount {
	text := v.field(name)
	if text == "" {
		return wallet.Amount{}
	}
	a, err := wallet.ParseAmount(text)
	if err != nil {
		bad.Add(name, text, "is not a number of credits")
	}
	return a
}

func (v *view) topUp() error {
	var bad wallet.InvalidError
	t := wallet.TopUp{
		Paid: v.credits(&bad, "paid"), Granted: v.credits(&bad, "granted"), Name: v.field("name"), Reference: v.field("reference"), Key: v.key(),
	}
	if err := bad.Err(); err != nil {
		return err
	}
	_, err := v.handler.eng.TopUp(v.r.Context(), v.Wallet.ID, t)
	return err
}

func (v *view) void() error {
	var bad wallet.InvalidError
	x := wallet.Void{Credits: v.credits(&bad, "credits"), Reason: v.field("reason"), Key: v.key()}
	if err := bad.Err(); err != nil {
		return err
	}
	_, err := v.handler.eng.Void(v.r.Context(), v.Wallet.ID, x)
	return err
}

// key is the one that the form came with.
func (v *view) key() string {
	if k := v.field("key"); k != "" {
		return "console " + k
	}
	return ""
}

func (v *view) settle() error {
	id, err := v.purchase()
	if err != nil {
		return err
	}
	_, err = v.handler.eng.Settle(v.r.Context(), id, wallet.Settlement{})
	return err
}

func (v *view) failPurchase() error {
	id, err := v.purchase()
	if err != nil {
		return err
	}
	_, err = v.handler.eng.Fail(v.r.Context(), id, v.field("reason"))
	return err
}

// purchase returns the transaction that the form is about, which is one of the wallet's.
func (v *view) purchase() (wallet.TransactionID, error) {
	id, err := wallet.ParseTransactionID(v.field("transaction"))
	if err != nil {
		return id, wallet.ErrNotFound
	}
	t, err := v.handler.eng.Transaction(v.r.Context(), id)
	if err == nil && t.Wallet != v.Wallet.ID {
		err = wallet.ErrNotFound
	}
	return id, err
}

func (v *view) terminate() error {
	if v.field("sure") != "yes" {
		var bad wallet.InvalidError
		bad.Add("sure", "", "must be ticked: a terminated wallet never comes back")
		return bad.Err()
	}
	_, err := v.handler.eng.Terminate(v.r.Context(), v.Wallet.ID)
	return err
}
