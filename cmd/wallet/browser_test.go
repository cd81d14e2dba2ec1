package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/memory"
)

// axeCore is the accessibility checker, from npm.
const axeCore = "axe-core@4.14.1"

// missing says that a test cannot run without something; in CI that is a failure.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("CI has no " + what)
	}
	t.Skip("there is no " + what)
}

// A browser shows the page of a wallet with a long history, which lets everything be done.
type browser struct {
	t        *testing.T
	ctx      context.Context
	url      string
	pictures string

	mu      sync.Mutex
	console []string // what was written to it
}

func openBrowser(t *testing.T) *browser {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	var chromium string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		missing(t, "Chromium")
	}
	pictures := os.Getenv("WALLET_PICTURES") // a directory to keep them in
	if pictures == "" {
		pictures = t.TempDir()
	}
	b := &browser{t: t, url: servePage(t), pictures: pictures}

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.WindowSize(1200, 900))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b.ctx = ctx
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m.String())
			b.mu.Unlock()
		}
	}()
	if _, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{
		"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("me:secret")),
	}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// servePage serves the page, and returns its address.
func servePage(t *testing.T) string {
	var mu sync.Mutex
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	eng := engine.New(memory.New(), &engine.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(7 * time.Hour)
		return now
	}})
	ctx, amount := t.Context(), wallet.MustAmount
	w, err := eng.Create(ctx, wallet.Spec{
		Customer: "acme", Name: "Prepaid", Currency: "USD", Rate: amount("0.5"),
		TopUp: wallet.TopUp{Granted: amount("1000"), Name: "welcome", Priority: 1, ExpiresAt: now.AddDate(1, 0, 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eng.Create(ctx, wallet.Spec{Customer: "acme", Name: "Old", Currency: "EUR", Rate: amount("1"),
		AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{wallet.FeeCharge}, Metrics: []string{"gpu"}}}); err != nil {
		t.Fatal(err)
	}
	for i := range 45 {
		if _, err := eng.Debit(ctx, w.ID, wallet.Debit{Credits: amount(fmt.Sprint(i%7 + 3)), Reference: fmt.Sprintf("INV-%03d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	made, err := eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: amount("400"), Reference: "PO-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eng.Fail(ctx, made[0].ID, "card declined"); err != nil {
		t.Fatal(err)
	}
	if _, err := eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: amount("250"), Reference: "PO-2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := eng.Authorize(ctx, wallet.Authorization{Wallet: w.ID, Credits: amount("12"), For: 30 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(serve{Changes: true}.handler(eng, "secret", slog.New(slog.NewTextHandler(io.Discard, nil))))
	t.Cleanup(server.Close)
	return server.URL + "/?customer=acme&wallet=" + w.ID.String()
}

type move = chromedp.Action[chromedp.Void]

func (b *browser) do(moves ...move) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, moves...); err != nil {
		b.t.Fatal(err)
	}
}

// tell does something that tells something.
func tell[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// has checks that the page says something.
func (b *browser) has(want ...string) {
	b.t.Helper()
	text := tell(b, chromedp.Text(chromedp.CSS("body")))
	for _, one := range want {
		if !strings.Contains(text, one) {
			b.t.Fatalf("no %q on the page:\n%s", one, text)
		}
	}
}

// sends does something that loads the page anew.
func (b *browser) sends(moves ...move) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, moves...); err != nil {
		b.t.Fatal(err)
	}
}

// picture keeps a picture of the whole page.
func (b *browser) picture(name string) {
	b.t.Helper()
	png := tell(b, chromedp.FullScreenshot(100))
	path := filepath.Join(b.pictures, name+".png")
	if err := os.WriteFile(path, png, 0o666); err != nil {
		b.t.Fatal(err)
	}
	b.t.Log("picture:", path)
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}

// A person finds a customer, pages, filters, looks what paid for a charge, tops up, voids and settles, in a real browser.
func TestPageInBrowser(t *testing.T) {
	b := openBrowser(t)
	home, _, _ := strings.Cut(b.url, "?")
	b.do(chromedp.Navigate(home))
	b.has("Latest wallets")
	b.do(chromedp.Focus(chromedp.CSS("#customer")))
	b.sends(chromedp.SendKeys(chromedp.CSS("#customer"), "acme"+kb.Enter))
	b.has("Wallets of acme", "Prepaid", "Old")
	b.sends(chromedp.Click(`//a[text()="Prepaid"]`))
	b.has("Burn-down", "Purchased Credits (Invoiced)", "PO-2", "Pending", "Failed", "card declined", "Page 1 of 3, 48 in all")
	b.picture("light")
	b.scheme("dark")
	b.picture("dark")
	b.scheme("light")

	b.sends(chromedp.Click(chromedp.CSS(`a[rel="next"]`)))
	b.has("Page 2 of 3")
	b.sends(chromedp.SetValue(chromedp.CSS(`select[name="type"]`), "free"), chromedp.Click(chromedp.CSS(`.filter button`)))
	b.has("Page 1 of 1, 1 in all", "welcome")
	b.sends(chromedp.SetValue(chromedp.CSS(`select[name="type"]`), "debited"), chromedp.Click(chromedp.CSS(`.filter button`)))
	b.has("Page 1 of 3, 45 in all", "INV-044")
	b.sends(chromedp.Click(`//th[@scope="row"]/a[text()="Debited"]`))
	b.has("What paid for it", "Free Credits Added", "welcome")
	b.picture("draws")

	b.do(chromedp.Navigate(b.url))
	b.sends(chromedp.SendKeys(chromedp.CSS(`input[name="granted"]`), "77.5"+kb.Enter))
	b.has("The credits were added.", "+77.5 credits")
	b.sends(chromedp.SendKeys(chromedp.CSS(`input[name="credits"]`), "7.5"), chromedp.SendKeys(chromedp.CSS(`input[name="reason"]`), "typo"+kb.Enter))
	b.has("The credits were removed.", "−7.5 credits", "typo")
	b.sends(chromedp.Click(chromedp.CSS(`button[value="settle"]`)))
	b.has("its credits can be spent")
	b.sends(chromedp.SendKeys(chromedp.CSS(`input[name="credits"]`), "99999"), chromedp.SendKeys(chromedp.CSS(`input[name="reason"]`), "too many"+kb.Enter))
	b.has("Insufficient credits")

	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		if !strings.Contains(line, "422") { // the page that says so
			t.Error("console:", line)
		}
	}
}

// Whatever can be used with a mouse is reached with the tab key, in the order it is read, and shows that it is.
func TestPageByKeyboard(t *testing.T) {
	b := openBrowser(t)
	b.do(chromedp.Navigate(b.url))
	const usable = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]')].filter(e => e.checkVisibility())`
	all := tell(b, chromedp.Evaluate[int](usable+`.length`))
	if all < 30 {
		t.Fatalf("%d things to use", all)
	}
	for i := range all {
		type thing struct {
			Index         int
			Outline, HTML string
		}
		b.do(chromedp.KeyEvent(kb.Tab))
		seen := tell(b, chromedp.Evaluate[thing](`(e => ({Index: `+usable+`.indexOf(e), Outline: getComputedStyle(e).outlineStyle, HTML: e.outerHTML.slice(0, 200)}))(document.activeElement)`))
		if seen.Index != i || seen.Outline == "none" {
			t.Fatalf("tab %d of %d reached thing %d, outline %q: %s", i+1, all, seen.Index+1, seen.Outline, seen.HTML)
		}
	}
}

// axe-core finds nothing to mend, light and dark, with and without what paid for a charge.
func TestPageIsAccessible(t *testing.T) {
	b := openBrowser(t)
	script := loadAxe(t)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, url := range []string{b.url, b.url + "&type=debited&page=2", strings.Split(b.url, "?")[0], strings.Split(b.url, "?")[0] + "?customer=nobody"} {
			b.axe(script, scheme, url)
		}
		b.do(chromedp.Navigate(b.url + "&type=debited"))
		b.sends(chromedp.Click(`//th[@scope="row"]/a[text()="Debited"]`))
		b.axe(script, scheme, "")
	}
}

func (b *browser) axe(script, scheme, url string) {
	b.t.Helper()
	if url != "" {
		b.do(chromedp.Navigate(url))
	}
	type violation struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
	tell(b, chromedp.Evaluate[int](script+"; 0"))
	found := tell(b, chromedp.Evaluate[[]violation](`axe.run().then(r => { window.passes = r.passes.length; return r.violations })`, chromedp.EvalAwaitPromise))
	passes := tell(b, chromedp.Evaluate[int](`window.passes`))
	if passes < 15 {
		b.t.Errorf("%s %s: axe looked at only %d rules", scheme, url, passes)
	}
	for _, v := range found {
		where, _ := json.Marshal(v.Nodes[0])
		b.t.Errorf("%s %s: %s: %s, %d times, as in %s", scheme, url, v.ID, v.Help, len(v.Nodes), where)
	}
}

// loadAxe returns the text of axe-core.
func loadAxe(t *testing.T) string {
	if _, err := exec.LookPath("npm"); err != nil {
		missing(t, "npm")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, axeCore)
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("axe-core: %v: %s", err, out))
	}
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
