package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"

	"github.com/seed-12493b23/wallet"
)

// read reads the request. All its bad fields are reported at once.
func (c *call) read(w http.ResponseWriter, r *http.Request) error {
	b := binder{enums: c.enums, at: make([]string, 0, few)}
	in := reflect.New(c.op.in)
	shape := shapeOf(c.op.in)
	b.params(in.Elem(), shape, c.op.path, c.path, r.URL.RawQuery)
	c.key, c.keyName = b.key(r.Header)
	if shape.hasBody() {
		var err error
		if c.body, err = readBody(w, r); err != nil {
			var bad invalid
			if errors.As(err, &bad) {
				return append(invalid(b.bad), bad...)
			}
			return err
		}
		if c.body == nil {
			c.body = &node{kind: '{'}
		}
		b.bind(in.Elem(), c.body)
	}
	if len(b.bad) > 0 {
		return invalid(b.bad)
	}
	c.in = in.Interface()
	return nil
}

// key returns the key that the headers carry, and the header that has it.
func (b *binder) key(h http.Header) (key, in string) {
	b.location = "header"
	for _, name := range [...]string{"Idempotency-Key", "Paypal-Request-Id"} {
		b.enter(name)
		for _, v := range h[name] {
			switch {
			case v == "":
				b.add("", invalidValue, "is empty")
			case key != "" && key != v:
				b.add(v, invalidValue, "is not the key that another header has")
			}
			key, in = v, name
		}
		b.leave()
	}
	return key, in
}

// readBody reads the body of a request as one JSON value; nil if there is none.
func readBody(w http.ResponseWriter, r *http.Request) (*node, error) {
	b := takeBuffer()
	defer b.release()
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var big *http.MaxBytesError
		switch {
		case errors.As(err, &big):
			return nil, errTooBig
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, errSlow
		}
		return nil, malformed("the body breaks off")
	}
	switch {
	case b.Len() == 0:
		return nil, nil
	case !isJSON(r.Header.Get("Content-Type")):
		return nil, errMedia
	}
	return parse(b.String())
}

// isJSON reports whether a content type is that of JSON in UTF-8.
func isJSON(contentType string) bool {
	const json = "application/json"
	if contentType == json {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset, ok := params["charset"]
	return err == nil && media == json && (!ok || strings.EqualFold(charset, "utf-8"))
}

// A buffer is used by one request after the other.
type buffer struct {
	bytes.Buffer
	json *json.Encoder // writes to it
}

var buffers = sync.Pool{New: func() any {
	b := new(buffer)
	b.json = json.NewEncoder(b)
	return b
}}

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	const most = 64 << 10 // to be kept
	if b.Cap() <= most {
		b.Reset()
		buffers.Put(b)
	}
}

// params binds the parameters of the path, which has the form of a pattern, and of the query.
func (b *binder) params(v reflect.Value, s *shape, pattern, path []string, query string) {
	b.location = "path"
	for i, p := range pattern {
		name := strings.Trim(p, "{}")
		if f, ok := s.path[name]; ok {
			b.enter(name)
			b.scalar(v.FieldByIndex(f.index), f, path[i])
			b.leave()
		}
	}
	b.location = "query"
	if query == "" {
		return
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		b.enter("")
		b.add(query, invalidSyntax, "is not a query")
		b.leave()
		return
	}
	for name, given := range values {
		b.enter(name)
		f, ok := s.query[name]
		switch {
		case !ok:
			b.add(given[0], unknown, "is not a parameter of this operation")
		case len(given) > 1:
			b.add(given[1], duplicate, "is there twice")
		case given[0] == "" && f.typ != reflect.TypeFor[wallet.Cursor](): // it would ask for everyone's, or everything
			b.add("", invalidValue, "is empty")
		default:
			b.scalar(settable(v.FieldByIndex(f.index)), f, given[0])
		}
		b.leave()
	}
}
