package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/rest"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

const secret = "secret"

// A world is the page over wallets in memory: one of acme's, with a history of each kind.
type world struct {
	t        *testing.T
	eng      *engine.Engine
	page     http.Handler
	log      bytes.Buffer
	wallet   wallet.Wallet
	purchase wallet.Transaction // pending
	charge   wallet.Transaction
}

func newWorld(t *testing.T, allow Actions) *world {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	w := &world{t: t}
	w.eng = engine.New(memory.New(), &engine.Options{Now: func() time.Time {
		now = now.Add(time.Hour)
		return now
	}})
	w.page = New(w.eng, &Options{
		Authorize: rest.Basic(rest.Token{Secret: secret}, rest.Token{Secret: "other", Customer: "other"}),
		Allow:     allow, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	ctx, credits := t.Context(), wallet.MustAmount
	w.wallet = must(w.eng.Create(ctx, wallet.Spec{
		Customer: "acme", Name: "<b>Prepaid</b>", Currency: "USD", Rate: credits("0.5"),
		TopUp: wallet.TopUp{Granted: credits("1000"), Name: "welcome", Priority: 1, ExpiresAt: now.AddDate(1, 0, 0)},
	}))
	w.charge = must(w.eng.Debit(ctx, w.wallet.ID, wallet.Debit{Credits: credits("60"), Fee: wallet.Fee{ID: "calls"}, Reference: "INV-7"}))
	w.purchase = must(w.eng.TopUp(ctx, w.wallet.ID, wallet.TopUp{Paid: credits("40"), Reference: "INV-8"}))[0]
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (w *world) ask(method, address string, form url.Values, headers ...string) (status int, header http.Header, body string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, "/admin/wallets"+address, strings.NewReader(form.Encode()))
	r.SetBasicAuth("me", secret)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.page.ServeHTTP(rec, r)
	return rec.Code, rec.Header(), rec.Body.String()
}

// see gets the page.
func (w *world) see(address string) string {
	w.t.Helper()
	status, _, body := w.ask("GET", address, nil)
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %s %s", address, status, body, &w.log)
	}
	return body
}

var tags = regexp.MustCompile(`<[^>]*>`)

// has checks that the page says things, in order, whatever the markup between them.
func has(t *testing.T, page string, want ...string) {
	t.Helper()
	_, page, _ = strings.Cut(page, "</style>")
	text := html.UnescapeString(strings.Join(strings.Fields(tags.ReplaceAllString(page, " ")), " "))
	for _, one := range want {
		_, after, ok := strings.Cut(text, one)
		if !ok {
			t.Fatalf("no %q (in this order) in %s", one, text)
		}
		text = after
	}
}

func TestPage(t *testing.T) {
	w := newWorld(t, Actions{})
	has(t, w.see(""), "Latest wallets", "acme", "<b>Prepaid</b>")
	page := w.see("?customer=acme")
	has(t, page, "Wallets of acme", "<b>Prepaid</b>", "active", "470.00 USD", "940 credits", "20.00 USD", "40 credits", "0.00 USD", "everything", "--",
		"Burn-down", "1,000", "Transactions", "State", "Payment Date", "Expiry Date", "Priority", "Amount",
		"Purchased Credits (Invoiced)", "INV-8", "Pending", "--", "--", "+20.00 USD", "+40 credits",
		"Debited", "INV-7", "Completed", "−30.00 USD", "−60 credits",
		"Free Credits Added", "welcome", "Completed", "2027-01-05", "1", "+500.00 USD", "+1,000 credits", "Page 1 of 1, 3 in all")
	if strings.Contains(page, "<b>Prepaid") || strings.Contains(page, `method="post"`) || strings.Contains(page, "<script") {
		t.Error(page)
	}
	id := "&wallet=" + w.wallet.ID.String()
	has(t, w.see("?customer=acme"+id+"&type=debited"), "Debited", "1 in all")
	has(t, w.see("?customer=acme"+id+"&state=pending"), "Purchased", "Pending", "1 in all")
	has(t, w.see("?customer=acme"+id+"&state=failed"), "No transaction is like that")
	has(t, w.see("?customer=acme"+id+"&transaction="+w.charge.ID.String()), "What paid for it", "Debited", "Free Credits Added", "welcome", "calls", "30.00 USD", "60 credits")
	has(t, w.see("?customer=nobody"), "This customer has no wallet")
	second := must(w.eng.Create(t.Context(), wallet.Spec{Customer: "acme", Name: "Second", Currency: "USD", Rate: wallet.MustAmount("1"),
		TopUp: wallet.TopUp{Granted: wallet.MustAmount("1")}}))
	has(t, w.see("?customer=acme"), "Second", "Prepaid", "Spendable", "1.00 USD") // the newest is shown
	paid := must(w.eng.Settle(t.Context(), w.purchase.ID, wallet.Settlement{}))[0]
	has(t, w.see("?customer=acme"+id+"&type=purchased"), "INV-8", "Completed", day(paid.SettledAt), "+20.00 USD")
	for _, address := range []string{"?customer=acme&wallet=" + second.ID.String() + "&transaction=" + w.charge.ID.String(), "?customer=acme&wallet=x", "?customer=other" + id, "?customer=acme&transaction=x"} {
		if status, _, body := w.ask("GET", address, nil); status != http.StatusNotFound || strings.Contains(body, "INV-7") {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
}

func TestPaging(t *testing.T) {
	w := newWorld(t, Actions{})
	for range 25 {
		must(w.eng.Debit(t.Context(), w.wallet.ID, wallet.Debit{Credits: wallet.MustAmount("1")}))
	}
	page := w.see("?customer=acme&type=debited")
	has(t, page, "Page 1 of 2, 26 in all", "Older")
	next := html.UnescapeString(regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page)[1])
	has(t, w.see(next), "INV-7", "Newer", "Page 2 of 2, 26 in all")
	has(t, w.see("?customer=acme&page=99"), "Page 2 of 2")
}

// The style of the page is all that its policy lets in.
func TestPolicy(t *testing.T) {
	w := newWorld(t, Actions{})
	_, header, page := w.ask("GET", "?customer=acme", nil)
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(page, -1)
	sum := sha256.Sum256([]byte(styles[0][1]))
	csp := header.Get("Content-Security-Policy")
	if len(styles) != 1 || !strings.Contains(csp, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Error(csp)
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(page, ` style="`) || regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(page) {
		t.Error(page)
	}
}

func TestWhoMaySee(t *testing.T) {
	w := newWorld(t, Actions{TopUp: true})
	for _, c := range []struct {
		auth, method, address string
		want                  int
	}{
		{"", "GET", "", 401},
		{"", "POST", "?customer=acme", 401},
		{"nobody", "GET", "?customer=acme", 401},
		{"other", "GET", "", 200}, // but for the wallets
		{"other", "GET", "?customer=acme", 403},
		{"other", "POST", "?customer=acme", 403},
		{"other", "GET", "?customer=other&wallet=" + w.wallet.ID.String(), 404},
		{secret, "GET", "?customer=acme", 200},
		{secret, "PUT", "?customer=acme", 405},
	} {
		r := httptest.NewRequest(c.method, "/"+c.address, strings.NewReader("action=topup&granted=1"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if c.auth != "" {
			r.SetBasicAuth("me", c.auth)
		}
		rec := httptest.NewRecorder()
		w.page.ServeHTTP(rec, r)
		if rec.Code != c.want || rec.Code == 401 && rec.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%+v: %d %s", c, rec.Code, rec.Body)
		}
		if c.auth != secret && strings.Contains(rec.Body.String(), "Prepaid") {
			t.Errorf("%+v sees %s", c, rec.Body)
		}
	}
	rec := httptest.NewRecorder()
	New(w.eng, nil).ServeHTTP(rec, httptest.NewRequest("GET", "/?customer=acme", nil))
	if rec.Code != http.StatusForbidden {
		t.Error(rec.Code)
	}
}

func TestActions(t *testing.T) {
	w := newWorld(t, Actions{TopUp: true, Void: true, Settle: true, Terminate: true})
	here := "?customer=acme&wallet=" + w.wallet.ID.String()
	page := w.see(here)
	if n := strings.Count(page, `method="post"`); n != 4 { // and settle or fail
		t.Errorf("%d forms", n)
	}
	post := func(form url.Values, want int, says ...string) {
		t.Helper()
		status, header, body := w.ask("POST", here, form)
		if status != want {
			t.Fatalf("%v: %d %s", form, status, body)
		}
		if status == http.StatusSeeOther {
			body = w.see(header.Get("Location"))
		}
		has(t, body, says...)
	}
	post(url.Values{"action": {"topup"}, "granted": {"5"}, "key": {"one"}}, 303, "The credits were added.", "945 credits")
	post(url.Values{"action": {"topup"}, "granted": {"5"}, "key": {"one"}}, 303, "945 credits")
	post(url.Values{"action": {"topup"}, "granted": {"6"}, "key": {"one"}}, 422, "Key was used")
	post(url.Values{"action": {"topup"}, "paid": {"x"}, "granted": {"1e3"}}, 400, "Paid x is not a number", "Granted 1e3", "Transactions")
	post(url.Values{"action": {"void"}, "credits": {"45"}, "reason": {"typo"}}, 303, "The credits were removed.", "900 credits", "Voided", "typo")
	post(url.Values{"action": {"void"}, "credits": {"9000"}}, 422, "Insufficient credits: 9000 credits needed")
	post(url.Values{"action": {"settle"}, "transaction": {w.purchase.ID.String()}}, 303, "its credits can be spent", "940 credits")
	post(url.Values{"action": {"fail"}, "transaction": {w.purchase.ID.String()}}, 422, "Not pending")
	elsewhere := must(w.eng.Create(t.Context(), wallet.Spec{Customer: "other", Currency: "USD", Rate: wallet.MustAmount("1"), TopUp: wallet.TopUp{Paid: wallet.MustAmount("1")}}))
	for theirs := range w.eng.Transactions(t.Context(), wallet.TransactionQuery{Wallet: elsewhere.ID}) {
		post(url.Values{"action": {"settle"}, "transaction": {theirs.ID.String()}}, 404, "not there")
	}
	post(url.Values{"action": {"terminate"}}, 400, "must be ticked")
	post(url.Values{"action": {"terminate"}, "sure": {"yes"}}, 303, "terminated")
	post(url.Values{"action": {"topup"}, "granted": {"5"}}, 422, "Wallet is terminated")
	if page := w.see(here); strings.Contains(page, `method="post"`) {
		t.Error("there are forms for a terminated wallet")
	}
}

// What is not allowed does not happen, nor what another site sends.
func TestActionsAreRefused(t *testing.T) {
	for _, c := range []struct {
		allow   Actions
		form    url.Values
		headers []string
	}{
		{Actions{Void: true, Settle: true, Terminate: true}, url.Values{"action": {"topup"}, "granted": {"5"}}, nil},
		{Actions{TopUp: true, Settle: true, Terminate: true}, url.Values{"action": {"void"}, "credits": {"5"}}, nil},
		{Actions{TopUp: true, Void: true, Settle: true}, url.Values{"action": {"terminate"}, "sure": {"yes"}}, nil},
		{Actions{TopUp: true}, url.Values{"action": {"topup"}, "granted": {"5"}}, []string{"Sec-Fetch-Site", "cross-site"}},
		{Actions{TopUp: true}, url.Values{"action": {"topup"}, "granted": {"5"}}, []string{"Sec-Fetch-Site", "", "Origin", "https://elsewhere.example"}},
		{Actions{TopUp: true}, url.Values{"action": {"topup"}, "granted": {"5"}}, []string{"Sec-Fetch-Site", ""}},
		{Actions{TopUp: true}, url.Values{"action": {"nothing"}}, nil},
		{Actions{TopUp: true}, url.Values{"action": {"topup"}, "granted": {strings.Repeat("1", maxForm)}}, nil},
	} {
		w := newWorld(t, c.allow)
		status, _, body := w.ask("POST", "?customer=acme", c.form, c.headers...)
		if after := must(w.eng.Wallet(t.Context(), w.wallet.ID)); status != http.StatusForbidden || !after.Balance.Spendable.Equal(w.wallet.Balance.Spendable.Sub(wallet.MustAmount("60"))) {
			t.Errorf("%+v: %d %s", c, status, body)
		}
	}
}

// Whoever may change one customer's wallets changes no other's: the customer that is asked about is the one that is shown.
func TestActionsAreForTheCustomerAskedAbout(t *testing.T) {
	w := newWorld(t, Actions{TopUp: true})
	w.page = New(w.eng, &Options{Allow: Actions{TopUp: true}, Authorize: func(_ *http.Request, a rest.Access) error {
		if a.Customer == "" || a.Customer == "acme" && !a.Operation.Reads() {
			return rest.ErrForbidden
		}
		return nil
	}})
	for _, customer := range []string{"acme", "+acme", "acme+", "%09acme"} {
		status, _, body := w.ask("POST", "?customer="+customer+"&wallet="+w.wallet.ID.String(), url.Values{"action": {"topup"}, "granted": {"5"}})
		if after := must(w.eng.Wallet(t.Context(), w.wallet.ID)); status/100 != 4 || !after.Balance.Spendable.Equal(wallet.MustAmount("940")) {
			t.Errorf("%s: %d, %s spendable: %s", customer, status, after.Balance.Spendable, body)
		}
	}
	must(w.eng.Create(t.Context(), wallet.Spec{Customer: " acme", Name: "Spaced", Currency: "USD", Rate: wallet.MustAmount("1")}))
	has(t, w.see("?customer=+acme"), "Wallets of", "acme", "Spaced")
}

// What the API would not list is not on the page either.
func TestWhatIsNotAllowedIsNotShown(t *testing.T) {
	w := newWorld(t, Actions{})
	for denied, address := range map[rest.Operation]string{
		rest.ListWallets:      "?customer=acme",
		rest.ListTransactions: "?customer=acme",
		rest.ListDraws:        "?customer=acme&wallet=" + w.wallet.ID.String() + "&transaction=" + w.charge.ID.String(),
	} {
		w.page = New(w.eng, &Options{Authorize: func(_ *http.Request, a rest.Access) error {
			if a.Operation == denied {
				return rest.ErrForbidden
			}
			return nil
		}})
		if status, _, body := w.ask("GET", address, nil); status != http.StatusForbidden || strings.Contains(body, "INV-7") {
			t.Errorf("without %s: %d %s", denied, status, body)
		}
	}
}

// unsure keeps what it is told to, and does not know whether it did.
type unsure struct {
	store.Store
	err error
}

func (u unsure) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return errors.Join(u.err, u.Store.Update(ctx, scope, fn))
}

// Who is not told whether a form was heard is told how to find out, and that is harmless.
func TestUnknownOutcome(t *testing.T) {
	for _, err := range []error{wallet.ErrConflict, context.DeadlineExceeded, context.Canceled} {
		t.Run(err.Error(), func(t *testing.T) { unknownOutcome(t, err) })
	}
}

func unknownOutcome(t *testing.T, err error) {
	w := newWorld(t, Actions{TopUp: true})
	kept := memory.New()
	w.eng = engine.New(kept, nil)
	w.wallet = must(w.eng.Create(t.Context(), wallet.Spec{Customer: "acme", Currency: "USD", Rate: wallet.MustAmount("1")}))
	w.page = New(w.eng.With(unsure{kept, err}), &Options{Authorize: rest.Basic(rest.Token{Secret: secret}), Allow: Actions{TopUp: true},
		Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	form := url.Values{"action": {"topup"}, "granted": {"5"}, "key": {"one"}}
	for range 2 {
		status, _, body := w.ask("POST", "?customer=acme", form)
		if status != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", status, body)
		}
		has(t, body, "not known whether", "Send it again")
		form = url.Values{} // what the page has to be sent again: the one before it is not stored, and has another key when it is read again
		for _, field := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(body, -1) {
			form.Add(field[1], field[2])
		}
	}
	if after := must(w.eng.Wallet(t.Context(), w.wallet.ID)); !after.Balance.Spendable.Equal(wallet.MustAmount("5")) {
		t.Error(after.Balance)
	}
}
