// Package console is a page to look at customers' wallets: what is spendable, pending and held, how it burns down, every
// transaction, and what paid for a charge. An admin mounts it where only admins get to:
//
//	mux.Handle("/admin/wallets", console.New(eng, &console.Options{Authorize: rest.Basic(rest.Token{Secret: secret})}))
//
// It is one page, rendered on the server, for any path it is mounted at; it has no scripts and loads nothing. It changes
// nothing, unless Options.Allow lets it.
package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/rest"
)

// Options are the optional parts of the page.
type Options struct {
	// Authorize decides who may see whose wallets, and do what is allowed, as for the API. Nil refuses every request.
	Authorize func(*http.Request, rest.Access) error

	// Allow is what can be done on the page; zero is nothing but reading.
	Allow Actions

	// Logger gets what went wrong inside, with the debug_id that the page shows; nil is [slog.Default].
	Logger *slog.Logger
}

// Actions are the changes that the page offers.
type Actions struct {
	TopUp     bool
	Void      bool
	Settle    bool // and fail
	Terminate bool
}

// New returns the page.
func New(eng *engine.Engine, opts *Options) http.Handler {
	if opts == nil {
		opts = new(Options)
	}
	h := &handler{eng: eng, authorize: opts.Authorize, allow: opts.Allow, logger: opts.Logger}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	return h
}

type handler struct {
	eng       *engine.Engine
	authorize func(*http.Request, rest.Access) error
	allow     Actions
	logger    *slog.Logger
}

var (
	//go:embed page.html
	pageText string
	//go:embed style.css
	style string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"style":   func() template.CSS { return template.CSS(style) }, //nolint:gosec // it is ours
		"day":     day,
		"instant": instant,
	}).Parse(pageText))

	// policy lets the page have its own style, and send its own forms; nothing else.
	policy = func() string {
		sum := sha256.Sum256([]byte(style))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	}()
)

var errMethod = errors.New("console: method not supported")

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	debugID := newID()
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set(rest.DebugIDHeader, debugID)
	v := &view{handler: h, r: r, Allow: h.allow, Key: newID(), DebugID: debugID}
	status, err := http.StatusOK, error(nil)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		err = v.load()
	case http.MethodPost:
		var to string
		if to, err = v.act(w); err == nil {
			header.Set("Location", to) // relative to wherever the page is
			w.WriteHeader(http.StatusSeeOther)
			return
		}
	default:
		header.Set("Allow", "GET, HEAD, POST")
		err = errMethod
	}
	if err != nil {
		status = v.fail(w, err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		panic(err)
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(out.Bytes()) // an error is the client's, who is gone
}

// fail makes the page say what was in the way, and returns the status.
func (v *view) fail(w http.ResponseWriter, err error) int {
	var bad *wallet.InvalidError
	switch {
	case errors.Is(err, rest.ErrUnauthenticated):
		v.clear("Sign in to see wallets.")
		w.Header().Set("WWW-Authenticate", `Basic realm="wallets", charset="UTF-8"`)
		return http.StatusUnauthorized
	case errors.Is(err, rest.ErrForbidden):
		v.clear("You may not see or do this.")
		return http.StatusForbidden
	case errors.Is(err, errMethod):
		v.clear("This page is read, or sent a form.")
		return http.StatusMethodNotAllowed
	case errors.Is(err, wallet.ErrNotFound):
		v.clear("What you asked for is not there.")
		return http.StatusNotFound
	case errors.As(err, &bad):
		for _, f := range bad.Fields {
			v.Problems = append(v.Problems, sentence(f.Field+" "+f.Value+" "+f.Issue))
		}
		return http.StatusBadRequest
	}
	for _, known := range []error{wallet.ErrTerminated, wallet.ErrNotPending, wallet.ErrExpired, wallet.ErrInsufficient, wallet.ErrLimit, wallet.ErrKeyReused} {
		if errors.Is(err, known) {
			v.Problems = append(v.Problems, sentence(err.Error()))
			return http.StatusUnprocessableEntity
		}
	}
	if errors.Is(err, wallet.ErrConflict) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		v.log("unavailable", err)
		if v.r.Method != http.MethodPost {
			v.clear("That cannot be looked up for now.")
			return http.StatusServiceUnavailable
		}
		v.clear("That was not done, or it is not known whether it was. Send it again from here: it is done once.")
		v.Again = v.r.PostForm // the page that it came from may be read again, and then has another key
		return http.StatusServiceUnavailable
	}
	v.log("internal error", err)
	v.clear("Something went wrong; the log has it under " + v.DebugID + ".")
	return http.StatusInternalServerError
}

func (v *view) log(what string, err error) {
	v.handler.logger.Error("console: "+what, "debug_id", v.DebugID, "method", v.r.Method, "path", v.r.URL.Path, "error", err.Error())
}

// allowed asks the host, as the API does: for everyone first.
func (v *view) allowed(o rest.Operation, customer wallet.CustomerID) error {
	if v.handler.authorize == nil {
		return rest.ErrForbidden
	}
	err := v.handler.authorize(v.r, rest.Access{Operation: o})
	if customer != "" && errors.Is(err, rest.ErrForbidden) {
		err = v.handler.authorize(v.r, rest.Access{Operation: o, Customer: customer})
	}
	return err
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
