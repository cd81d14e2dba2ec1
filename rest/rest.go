// Package rest serves wallets over HTTP: [New] makes an [http.Handler] from an engine, to be mounted at [Base] in any mux.
//
//	mux.Handle(rest.Base+"/", rest.New(eng, &rest.Options{Authorize: rest.Bearer(rest.Token{Secret: secret})}))
//
// What it serves, and in which shapes, is the OpenAPI document at [Base]/openapi.json, made from the same table of operations
// that answers the requests. Credits and rates are JSON strings, the value of an amount of money is a JSON number with all its
// digits. An Idempotency-Key (or PayPal-Request-Id) header is the command's key: repeating the request under it is harmless.
//
// Nobody may do anything until Options.Authorize says so. A customer's own token finds only its own wallets: those of others
// are not there.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// Base is the path under which everything lies.
const Base = "/v1/commerce/billing"

// Options are the optional parts of the handler.
type Options struct {
	// Authorize decides who may do what; see [Access]. Nil refuses every request.
	Authorize func(*http.Request, Access) error

	// FeeTypes are the host's own, which requests may name beside SUBSCRIPTION, CHARGE and COMMITMENT: "storage" here is
	// STORAGE there. Others are refused.
	FeeTypes []wallet.FeeType

	// Logger gets what went wrong inside, with the debug_id that the caller was told; nil is [slog.Default].
	Logger *slog.Logger
}

// New returns a handler of all operations on the engine's wallets.
func New(eng *engine.Engine, opts *Options) http.Handler {
	if opts == nil {
		opts = new(Options)
	}
	h := &handler{eng: eng, authorize: opts.Authorize, logger: opts.Logger, operations: table()}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	h.enums = map[string][]string{feeTypes: {"SUBSCRIPTION", "CHARGE", "COMMITMENT"}}
	for _, t := range opts.FeeTypes {
		h.enums[feeTypes] = append(h.enums[feeTypes], strings.ToUpper(string(t)))
	}
	h.document = document(h.operations, h.enums)
	return h
}

// table lists every operation, by what it is about.
func table() []operation {
	return slices.Concat(wallets(), transactions(), movements(), charges(), holds(), events(), documents())
}

type handler struct {
	eng        *engine.Engine
	authorize  func(*http.Request, Access) error
	logger     *slog.Logger
	operations []operation
	enums      map[string][]string // what a tag enum:"@name" stands for
	document   []byte              // OpenAPI, as JSON
}

// An operation is one thing that can be asked for: a method of a path.
type operation struct {
	name    Operation
	method  string
	path    []string // segments below Base; one in braces is a parameter
	summary string
	in, out reflect.Type // structs
	run     func(c *call, in any) (any, error)
}

// op makes an operation. In is the request: fields tagged path and query are its parameters, the others its JSON body. Out is
// the answer.
func op[In, Out any](name Operation, method, path, summary string, run func(*call, *In) (Out, error)) operation {
	return operation{
		name: name, method: method, path: strings.Split(path, "/")[1:], summary: summary,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		run: func(c *call, in any) (any, error) { return run(c, in.(*In)) },
	}
}

// A call is an operation under way.
type call struct {
	context.Context
	*handler
	op      *operation
	path    []string // segments below Base, as asked for
	key     string   // makes repeating the call harmless, if set
	keyName string   // of the header that has it
	in      any      // the request: a pointer to the operation's In type
	body    *node    // nil if the operation takes none
	debugID string
}

// Values of headers. Only a whole one is ever replaced.
var (
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
	jsonType = []string{"application/json"}
)

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Context: r.Context(), handler: h, debugID: newDebugID()}
	header := w.Header()
	header.Set(DebugIDHeader, c.debugID)
	header["Cache-Control"], header["X-Content-Type-Options"] = noStore, noSniff
	defer func() {
		if p := recover(); p != nil {
			c.panicked(w, r, p)
		}
	}()
	out, err := c.answer(w, r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.write(w, http.StatusOK, out)
}

// answer runs the operation that a request asks for: who asks, then what for, then whose it is.
func (c *call) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	if c.authorize == nil {
		return nil, ErrForbidden
	}
	if err := c.find(r); err != nil {
		if denied := c.allowed(r, "", ""); denied == ErrUnauthenticated {
			return nil, denied
		}
		return nil, err
	}
	everyone := c.allowed(r, c.op.name, "")
	if everyone != nil && everyone != ErrForbidden {
		return nil, everyone
	}
	if err := c.read(w, r); err != nil {
		return nil, err
	}
	if everyone != nil {
		if err := c.admit(r); err != nil {
			return nil, err
		}
	}
	return c.op.run(c, c.in)
}

// find finds the operation.
func (c *call) find(r *http.Request) error {
	rest, ok := strings.CutPrefix(r.URL.Path, Base+"/")
	if !ok {
		return errNoPath
	}
	path := strings.Split(rest, "/")
	var allow []string
	for i := range c.operations {
		o := &c.operations[i]
		switch {
		case !match(o.path, path):
		case o.method == r.Method || o.method == http.MethodGet && r.Method == http.MethodHead:
			c.op, c.path = o, path
			return nil
		default:
			if allow = append(allow, o.method); o.method == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
	}
	if len(allow) > 0 {
		return methodError{allow}
	}
	return errNoPath
}

// match reports whether a path has the form of a pattern.
func match(pattern, path []string) bool {
	if len(pattern) != len(path) {
		return false
	}
	for i, p := range pattern {
		if isParam := p[0] == '{'; !isParam && p != path[i] || isParam && path[i] == "" {
			return false
		}
	}
	return true
}
