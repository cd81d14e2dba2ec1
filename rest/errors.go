package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// DebugIDHeader names the header of every answer whose value finds the request in the log. Errors carry it as debug_id.
const DebugIDHeader = "Paypal-Debug-Id"

// problem is the body of every answer that is an error.
type problem struct {
	Name    string   `json:"name"`
	Message string   `json:"message"`
	DebugID string   `json:"debug_id"`
	Details []detail `json:"details,omitempty"`
}

// detail says what is wrong with one field, or what was in the way.
type detail struct {
	Field       string `json:"field,omitempty"` // JSON pointer into the body; of a parameter or header, its name behind a slash
	Value       string `json:"value,omitempty"`
	Location    string `json:"location,omitempty" enum:"body path query header"`
	Issue       string `json:"issue"`
	Description string `json:"description,omitempty"`
}

// invalid is a request with bad fields.
type invalid []detail

func (invalid) Error() string { return "rest: invalid request" }

// methodError is a path that has other methods.
type methodError struct{ allow []string }

func (methodError) Error() string { return "rest: method not supported" }

// refusal is a request that is refused for what it is rather than for what it says.
type refusal struct {
	status        int
	name, message string
}

func (e refusal) Error() string { return "rest: " + e.message }

var (
	errNoPath = refusal{http.StatusNotFound, "RESOURCE_NOT_FOUND", "There is nothing at this path."}
	errTooBig = refusal{http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE", "The body is larger than 1 MiB."}
	errMedia  = refusal{http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json, in UTF-8."}
	errSlow   = refusal{http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The body did not arrive."}
)

// refused tells what the errors of the engine are, but for those that say which field is wrong.
var refused = []struct {
	err    error
	status int
	issue  string
}{
	{wallet.ErrNotFound, http.StatusNotFound, "INVALID_RESOURCE_ID"},
	{wallet.ErrKeyReused, http.StatusConflict, "DUPLICATE_REQUEST_ID"},
	{wallet.ErrTerminated, http.StatusUnprocessableEntity, "WALLET_TERMINATED"},
	{wallet.ErrNotPending, http.StatusUnprocessableEntity, "NOT_PENDING"},
	{wallet.ErrExpired, http.StatusUnprocessableEntity, "EXPIRED"},
	{wallet.ErrInsufficient, http.StatusUnprocessableEntity, "INSUFFICIENT_CREDITS"},
	{wallet.ErrNotApplicable, http.StatusUnprocessableEntity, "NOT_APPLICABLE"},
	{wallet.ErrCurrency, http.StatusUnprocessableEntity, "CURRENCY_MISMATCH"},
	{wallet.ErrLimit, http.StatusUnprocessableEntity, "LIMIT_EXCEEDED"},
	{wallet.ErrConflict, http.StatusServiceUnavailable, "TRY_AGAIN"},
	{context.Canceled, http.StatusServiceUnavailable, "TRY_AGAIN"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "TRY_AGAIN"},
}

// messages are the answers' names and messages, by status.
var messages = map[int][2]string{
	http.StatusBadRequest:          {"INVALID_REQUEST", "The request is malformed, or a field has a value it cannot have."},
	http.StatusUnauthorized:        {"AUTHENTICATION_FAILURE", "The request lacks valid credentials."},
	http.StatusForbidden:           {"NOT_AUTHORIZED", "The caller may not do this."},
	http.StatusNotFound:            {"RESOURCE_NOT_FOUND", "What the request names is not there."},
	http.StatusMethodNotAllowed:    {"METHOD_NOT_SUPPORTED", "The path has other methods."},
	http.StatusConflict:            {"RESOURCE_CONFLICT", "The key was used before, for another request."},
	http.StatusUnprocessableEntity: {"UNPROCESSABLE_ENTITY", "The request is understood, but cannot be done as things are."},
	http.StatusInternalServerError: {"INTERNAL_SERVER_ERROR", "Something went wrong; the log has it under the debug_id."},
	http.StatusServiceUnavailable:  {"SERVICE_UNAVAILABLE", "The request was not done, or it is not known whether it was; repeat it under the same key."},
}

// fail answers with an error.
func (c *call) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, details := http.StatusInternalServerError, []detail(nil)
	var (
		bad    *wallet.InvalidError
		fields invalid
		method methodError
		other  refusal
	)
	switch {
	case errors.As(err, &other):
		c.write(w, other.status, problem{Name: other.name, Message: other.message, DebugID: c.debugID})
		return
	case errors.As(err, &fields):
		status, details = http.StatusBadRequest, fields
	case errors.As(err, &bad):
		status, details = http.StatusBadRequest, c.explain(bad)
	case errors.As(err, &method):
		status = http.StatusMethodNotAllowed
		w.Header().Set("Allow", strings.Join(method.allow, ", "))
	case errors.Is(err, ErrUnauthenticated):
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	case errors.Is(err, ErrForbidden):
		status = http.StatusForbidden
	default:
		for _, known := range refused {
			if errors.Is(err, known.err) {
				status = known.status
				details = []detail{{Issue: known.issue, Description: strings.TrimPrefix(err.Error(), "wallet: ")}}
				break
			}
		}
	}
	switch status {
	case http.StatusNotFound:
		details = nil // the same whether it is nobody's or another's
	case http.StatusServiceUnavailable:
		details[0].Description = ""
		c.log(r, "unavailable", "error", err.Error())
	case http.StatusInternalServerError:
		c.log(r, "internal error", "error", err.Error())
	}
	c.write(w, status, problem{Name: messages[status][0], Message: messages[status][1], DebugID: c.debugID, Details: details})
}

// panicked answers for an operation that panicked, and logs where.
func (c *call) panicked(w http.ResponseWriter, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	c.log(r, "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	const status = http.StatusInternalServerError
	c.write(w, status, problem{Name: messages[status][0], Message: messages[status][1], DebugID: c.debugID})
}

func (c *call) log(r *http.Request, what string, args ...any) {
	c.logger.Error("rest: "+what, append([]any{"debug_id", c.debugID, "method", r.Method, "path", r.URL.Path}, args...)...)
}

func (c *call) write(w http.ResponseWriter, status int, body any) {
	b := takeBuffer()
	defer b.release()
	if text, ok := body.(json.RawMessage); ok {
		b.Write(text)
	} else {
		if err := b.json.Encode(body); err != nil {
			panic(err)
		}
		b.Truncate(b.Len() - 1) // the end of the line
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	w.Write(b.Bytes()) // an error is the client's, who is gone
}

func newDebugID() string {
	var b [8]byte
	rand.Read(b[:])
	return string(hex.AppendEncode(make([]byte, 0, 2*len(b)), b[:]))
}
