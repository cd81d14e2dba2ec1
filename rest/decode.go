package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
)

// read reads the request. All its bad fields are reported at once.
func (c *call) read(w http.ResponseWriter, r *http.Request) error {
	b := binder{enums: c.enums}
	in := reflect.New(c.op.in)
	shape := shapeOf(c.op.in)
	b.params(in.Elem(), shape, c.params, r.URL.RawQuery)
	c.key = b.key(r.Header)
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
		b.bind(in.Elem(), c.body, "")
	}
	if len(b.bad) > 0 {
		return invalid(b.bad)
	}
	c.in = in.Interface()
	return nil
}

// key returns the key that the headers carry.
func (b *binder) key(h http.Header) (key string) {
	b.location = "header"
	for _, name := range []string{"Idempotency-Key", "Paypal-Request-Id"} {
		for _, v := range h.Values(name) {
			switch {
			case v == "":
				b.add("/"+name, "", invalidValue, "is empty")
			case key != "" && key != v:
				b.add("/"+name, v, invalidValue, "is not the key that another header has")
			}
			key = v
		}
	}
	return key
}

// readBody reads the body of a request as one JSON value; nil if there is none.
func readBody(w http.ResponseWriter, r *http.Request) (*node, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, errTooBig
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow
	case err != nil:
		return nil, malformed("the body breaks off")
	case len(body) == 0:
		return nil, nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset, ok := params["charset"]; err != nil || media != "application/json" || ok && !strings.EqualFold(charset, "utf-8") {
		return nil, errMedia
	}
	return parse(body)
}

// params binds the parameters of the path and the query.
func (b *binder) params(v reflect.Value, s *shape, path map[string]string, query string) {
	b.location = "path"
	for name, text := range path {
		if f, ok := s.path[name]; ok {
			b.scalar(v.FieldByIndex(f.index), f, text, "/"+name)
		}
	}
	b.location = "query"
	values, err := url.ParseQuery(query)
	if err != nil {
		b.add("/", query, invalidSyntax, "is not a query")
		return
	}
	for name, given := range values {
		f, ok := s.query[name]
		switch {
		case !ok:
			b.add("/"+escape(name), given[0], unknown, "is not a parameter of this operation")
		case len(given) > 1:
			b.add("/"+name, given[1], duplicate, "is there twice")
		default:
			b.scalar(settable(v.FieldByIndex(f.index)), f, given[0], "/"+name)
		}
	}
}
