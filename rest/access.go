package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// Operation names what a request asks for.
type Operation string

// The operations. Those that Operation.Reads tells change nothing.
const (
	CreateWallet      Operation = "create_wallet"
	ListWallets       Operation = "list_wallets"
	GetWallet         Operation = "get_wallet"
	UpdateWallet      Operation = "update_wallet"
	TerminateWallet   Operation = "terminate_wallet"
	ListLots          Operation = "list_lots"
	CreateTransaction Operation = "create_wallet_transaction"
	ListTransactions  Operation = "list_wallet_transactions"
	GetTransaction    Operation = "get_wallet_transaction"
	SettleTransaction Operation = "settle_wallet_transaction"
	FailTransaction   Operation = "fail_wallet_transaction"
	ListDraws         Operation = "list_draws"
	DebitWallet       Operation = "debit_wallet"
	RefundTransaction Operation = "refund_wallet_transaction"
	TransferCredits   Operation = "transfer_credits"
	CreateCharge      Operation = "create_charge"
	PreviewCharge     Operation = "preview_charge"
	SetOngoingUsage   Operation = "set_ongoing_usage"
	CreateHold        Operation = "create_hold"
	ListHolds         Operation = "list_holds"
	GetHold           Operation = "get_hold"
	CaptureHold       Operation = "capture_hold"
	ReleaseHold       Operation = "release_hold"
	ListEvents        Operation = "list_events"
	GetDocument       Operation = "get_document"
)

// Reads reports whether the operation changes nothing: it only gets, lists or previews.
func (o Operation) Reads() bool {
	verb, _, _ := strings.Cut(string(o), "_")
	return verb == "get" || verb == "list" || verb == "preview"
}

// Access is what a request wants to do to whose wallets.
//
// Authorize is asked with an empty Customer first, before anything of the request is read: may the caller do this to the
// wallets of every customer? [ErrForbidden] is no end yet: once it is known whose wallets they are, Authorize is asked again,
// with that customer. So an Authorize that compares Customer with the one the caller speaks for, and knows nothing of this,
// is right. Only [GetDocument] is about nobody: who is known to Authorize gets it, even with ErrForbidden.
type Access struct {
	Operation Operation
	Customer  wallet.CustomerID // empty: every customer
}

// What Authorize returns to refuse. Any other error is a fault of the host's, and answered as such.
var (
	ErrUnauthenticated = errors.New("rest: unknown caller")
	ErrForbidden       = errors.New("rest: not authorized")
)

// A Token lets its bearer do things: without ReadOnly everything, as granting credits and settling purchases. What a customer
// is given is ReadOnly.
type Token struct {
	Secret   string            // empty: nobody's
	Customer wallet.CustomerID // whose wallets it is for; empty: everyone's
	ReadOnly bool
}

// Bearer returns an Authorize for bearers of tokens ("Authorization: Bearer …"). How long it takes does not depend on how much
// of a secret was guessed.
func Bearer(tokens ...Token) func(*http.Request, Access) error {
	return authorize(tokens, func(r *http.Request) string {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return ""
		}
		return secret
	})
}

// Basic is like [Bearer], for browsers: the secret is the password that they ask for, the user name can be any.
func Basic(tokens ...Token) func(*http.Request, Access) error {
	return authorize(tokens, func(r *http.Request) string {
		_, secret, _ := r.BasicAuth()
		return secret
	})
}

func authorize(tokens []Token, secretOf func(*http.Request) string) func(*http.Request, Access) error {
	hashes := make([][sha256.Size]byte, len(tokens))
	for i, t := range tokens {
		hashes[i] = sha256.Sum256([]byte(t.Secret))
	}
	return func(r *http.Request, a Access) error {
		secret := secretOf(r)
		given, found := sha256.Sum256([]byte(secret)), -1
		for i := range hashes {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hashes[i][:], given[:]), i, found)
		}
		if secret == "" || found < 0 {
			return ErrUnauthenticated
		}
		t := tokens[found]
		if t.Customer != "" && t.Customer != a.Customer || t.ReadOnly && !a.Operation.Reads() {
			return ErrForbidden
		}
		return nil
	}
}

// allowed asks the host. It returns nil, one of the two refusals, or a fault.
func (c *call) allowed(r *http.Request, o Operation, customer wallet.CustomerID) error {
	err := c.authorize(r, Access{Operation: o, Customer: customer})
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return ErrUnauthenticated
	case errors.Is(err, ErrForbidden):
		return ErrForbidden
	}
	return err
}

// A subject is a request that says whose wallets it is about: by the customer, or by a thing of the customer's that it names.
// An empty customer is everyone.
type subject interface {
	customer(c *call) (id wallet.CustomerID, thing bool, err error)
}

// admit refuses a request that is about another customer than those the caller speaks for. What it names of theirs is not
// there, unless the caller may look at their wallets.
func (c *call) admit(r *http.Request) error {
	s, ok := c.in.(subject)
	if !ok {
		return nil // about nobody
	}
	id, thing, err := s.customer(c)
	if err != nil {
		return err
	}
	err = c.allowed(r, c.op.name, id)
	if err == ErrForbidden && thing && c.allowed(r, GetWallet, id) != nil {
		return wallet.ErrNotFound
	}
	return err
}

// The ways to say whose wallets a request is about.
type (
	ofWallet struct {
		WalletID wallet.ID `path:"wallet_id"`
	}
	ofTransaction struct {
		TransactionID wallet.TransactionID `path:"wallet_transaction_id"`
	}
	ofHold struct {
		HoldID wallet.HoldID `path:"hold_id"`
	}
	ofCustomer struct {
		Customer wallet.CustomerID `json:"external_customer_id" need:"true"`
	}
	ofAnyone struct {
		Customer wallet.CustomerID `query:"external_customer_id"`
		WalletID wallet.ID         `query:"wallet_id"`
	}
)

func (o ofWallet) customer(c *call) (wallet.CustomerID, bool, error) {
	w, err := c.eng.Wallet(c, o.WalletID)
	return w.Customer, true, err
}

func (o ofTransaction) customer(c *call) (wallet.CustomerID, bool, error) {
	t, err := c.eng.Transaction(c, o.TransactionID)
	return t.Customer, true, err
}

func (o ofHold) customer(c *call) (wallet.CustomerID, bool, error) {
	h, err := c.eng.Hold(c, o.HoldID)
	return h.Customer, true, err
}

func (o ofCustomer) customer(*call) (wallet.CustomerID, bool, error) { return o.Customer, false, nil }

func (o ofAnyone) customer(c *call) (wallet.CustomerID, bool, error) {
	if o.WalletID.IsZero() {
		return o.Customer, false, nil
	}
	return ofWallet{o.WalletID}.customer(c)
}
