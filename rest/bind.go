package rest

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// What can be wrong with a field.
const (
	missing       = "MISSING_REQUIRED_PARAMETER"
	invalidSyntax = "INVALID_PARAMETER_SYNTAX"
	invalidValue  = "INVALID_PARAMETER_VALUE"
	unknown       = "UNKNOWN_PARAMETER"
	duplicate     = "DUPLICATE_PARAMETER"
)

// maxProblems is how many bad fields an answer lists.
const maxProblems = 100

// A shape is what a struct looks like on the wire. Its fields are tagged with their names: json in a body, path and query in
// the parameters. Embedded structs belong to the outer one. The tag need:"true" marks what must be given, enum:"A B" what a
// string can be, and null:"clears" a pointer that null points at the zero value.
type shape struct {
	path, query, body map[string]*field
	order             []*field // of the body
}

type field struct {
	name  string
	index []int
	typ   reflect.Type
	need  bool
	null  bool
	enum  string
	words []string // of the enum
}

func (s *shape) hasBody() bool { return len(s.order) > 0 }

var shapes sync.Map // of *shape, by reflect.Type

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{path: make(map[string]*field), query: make(map[string]*field), body: make(map[string]*field)}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		one := &field{index: f.Index, typ: f.Type, need: f.Tag.Get("need") != "", null: f.Tag.Get("null") != "", enum: f.Tag.Get("enum")}
		one.words = strings.Fields(one.enum)
		for _, place := range []struct {
			tag string
			in  map[string]*field
		}{{"path", s.path}, {"query", s.query}, {"json", s.body}} {
			if one.name, _, _ = strings.Cut(f.Tag.Get(place.tag), ","); one.name == "" {
				continue
			}
			place.in[one.name] = one
			if place.tag == "json" {
				s.order = append(s.order, one)
			}
			break
		}
	}
	shapes.Store(t, s)
	return s
}

// A binder fills structs with what a request says, and collects what is wrong with it.
type binder struct {
	enums    map[string][]string
	location string
	at       []string // names and indices from the root to what is looked at
	bad      []detail
}

func (b *binder) enter(name string) { b.at = append(b.at, name) }
func (b *binder) leave()            { b.at = b.at[:len(b.at)-1] }

// add notes what is wrong with what is looked at.
func (b *binder) add(value, issue, description string) {
	const longest = 64
	if len(value) > longest {
		value = strings.ToValidUTF8(value[:longest], "") + "…"
	}
	if len(b.bad) < maxProblems {
		b.bad = append(b.bad, detail{Field: pointerTo(b.at), Value: value, Location: b.location, Issue: issue, Description: description})
	}
}

// bind fills a struct with an object.
func (b *binder) bind(v reflect.Value, n *node) {
	b.location = "body"
	if n.kind != '{' {
		b.add(n.text, invalidSyntax, "is not an object")
		return
	}
	s := shapeOf(v.Type())
	for i, name := range n.names {
		b.enter(name)
		if f, ok := s.body[name]; ok {
			b.value(v.FieldByIndex(f.index), f, &n.items[i])
		} else {
			b.add("", unknown, "is not a field of this request")
		}
		b.leave()
	}
	for _, f := range s.order {
		if f.need && !slices.Contains(n.names, f.name) {
			b.enter(f.name)
			b.add("", missing, "is required")
			b.leave()
		}
	}
}

// value fills a field with a JSON value.
func (b *binder) value(v reflect.Value, f *field, n *node) {
	if v = settable(v); n.kind == 'n' && f.null {
		return
	}
	by := carrierOf(v.Type())
	switch {
	case n.kind != by.kind:
		b.add(n.text, invalidSyntax, "is not "+by.what)
	case by.kind == '[':
		v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
		for i := range n.items {
			b.enter(itoa(i))
			b.value(v.Index(i), f, &n.items[i])
			b.leave()
		}
	case by.kind == '{':
		b.bind(v, n)
	default:
		b.scalar(v, f, n.text)
	}
}

// settable returns what a pointer points at, which is new, or the value itself.
func settable(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	v.Set(reflect.New(v.Type().Elem()))
	return v.Elem()
}

// A carrier is the kind of JSON value that carries a type, and what to call it.
type carrier struct {
	kind byte
	what string
}

var carriers sync.Map // by reflect.Type

func carrierOf(t reflect.Type) carrier {
	c, ok := carriers.Load(t)
	if !ok {
		kind, what := wire(t)
		c, _ = carriers.LoadOrStore(t, carrier{kind, what})
	}
	return c.(carrier)
}

// wire tells what carries a type.
func wire(t reflect.Type) (kind byte, what string) {
	switch {
	case t == reflect.TypeFor[seconds](), t == reflect.TypeFor[number]():
		return '0', "a number"
	case isText(t) || t.Kind() == reflect.String:
		return '"', "a string"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return '0', "a number"
	case t.Kind() == reflect.Bool:
		return 't', "true or false"
	case t.Kind() == reflect.Slice:
		return '[', "an array"
	}
	return '{', "an object"
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// scalar fills a field with what a text says.
func (b *binder) scalar(v reflect.Value, f *field, text string) {
	if v.Kind() == reflect.Slice { // of a parameter: separated by commas
		for one := range strings.SplitSeq(text, ",") {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			b.scalar(v.Index(v.Len()-1), f, one)
		}
		return
	}
	if r, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		err := r.UnmarshalText([]byte(text))
		zero, _ := r.(interface{ IsZero() bool })
		switch {
		case err != nil:
			b.add(text, invalidSyntax, expectation(v.Type()))
		case b.location == "path" || v.Type() == reflect.TypeFor[quantity]():
		case zero != nil && zero.IsZero(): // an ID or an instant that would pass for one that was not given
			b.add(text, invalidValue, "names nothing")
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		allowed := f.words
		if name, ok := strings.CutPrefix(f.enum, "@"); ok {
			allowed = b.enums[name]
		}
		switch {
		case !utf8.ValidString(text):
			b.add(text, invalidSyntax, "is not UTF-8")
		case f.enum != "" && !slices.Contains(allowed, text):
			b.add(text, invalidValue, "is not one of "+strings.Join(allowed, ", "))
		}
		v.SetString(strings.Clone(text)) // of a large request, it may be all that is kept
	case reflect.Bool:
		if text != "true" && text != "false" {
			b.add(text, invalidSyntax, "is not true or false")
		}
		v.SetBool(text == "true")
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			b.add(text, invalidSyntax, "is not an integer")
		}
		v.SetInt(int64(n))
	}
}

// expectation says what a text was not.
func expectation(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "is not an instant as in 2026-12-31T00:00:00Z"
	case reflect.TypeFor[positive]():
		return "is not a positive decimal of at most 18 digits before the point and 12 after"
	case reflect.TypeFor[quantity]():
		return "is not a decimal of at most 18 digits before the point and 12 after"
	case reflect.TypeFor[seconds]():
		return "is not a positive number of seconds"
	}
	return "is not a UUID"
}

func itoa(i int) string { return strconv.Itoa(i) }
