package rest

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxBody  = 1 << 20 // bytes
	maxDepth = 16      // of nested arrays and objects
	few      = 4       // names and values that most have no more of
)

// A node is a JSON value as it was written.
type node struct {
	kind  byte     // one of { [ " 0 t n, for object, array, string, number, true or false, null
	text  string   // of a string: decoded; of a number, true, false and null: as written
	names []string // of the members of an object
	items []node   // their values; or those of an array
}

// member returns the value of an object's member, or nil.
func (n *node) member(name string) *node {
	if i := slices.Index(n.names, name); i >= 0 {
		return &n.items[i]
	}
	return nil
}

// parse reads a text that is one JSON value in UTF-8. Unlike encoding/json, it refuses names that an object has twice, and
// keeps numbers as they are written.
func parse(text string) (*node, error) {
	if !utf8.ValidString(text) {
		return nil, malformed("the body is not UTF-8")
	}
	p := parser{text: text, path: make([]string, 0, few)}
	n, ok := p.value(0)
	if p.space(); !ok || p.at < len(text) {
		if p.deep {
			return nil, malformed("the body is nested too deeply")
		}
		return nil, malformed("the body is not one JSON value")
	}
	if p.bad != nil {
		return nil, p.bad
	}
	return &n, nil
}

type parser struct {
	text string
	at   int
	path []string // names and indices from the root to here
	deep bool
	bad  invalid
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// next reports whether a byte is next behind spaces, and passes it.
func (p *parser) next(b byte) bool {
	if p.space(); p.at < len(p.text) && p.text[p.at] == b {
		p.at++
		return true
	}
	return false
}

func (p *parser) value(depth int) (n node, ok bool) {
	if p.deep = depth > maxDepth; p.deep {
		return n, false
	}
	if p.space(); p.at == len(p.text) {
		return n, false
	}
	switch b := p.text[p.at]; b {
	case '{', '[':
		return p.list(b, depth)
	case '"':
		n.kind = '"'
		n.text, ok = p.string()
		return n, ok
	case 't', 'f':
		n.kind = 't'
	case 'n':
		n.kind = 'n'
	default:
		n.kind = '0'
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n,:]}", p.text[p.at]) < 0 {
		p.at++
	}
	word := p.text[start:p.at]
	n.text = word
	return n, json.Valid([]byte(word))
}

// list reads the members of an object, or the items of an array.
func (p *parser) list(open byte, depth int) (n node, ok bool) {
	n.kind = open
	shut := open + 2 // in ASCII
	var seen map[string]bool
	p.at++
	if p.next(shut) {
		return n, true
	}
	if depth == 0 { // further down, there may be very many that are small
		n.names, n.items = make([]string, 0, few), make([]node, 0, few)
	}
	for {
		here := itoa(len(n.items))
		if open == '{' {
			if p.space(); p.at == len(p.text) || p.text[p.at] != '"' {
				return n, false
			}
			if here, ok = p.string(); !ok || !p.next(':') {
				return n, false
			}
		}
		p.path = append(p.path, here)
		if open == '{' {
			const many = 16
			if len(n.names) >= many && seen == nil {
				seen = make(map[string]bool)
				for _, name := range n.names {
					seen[name] = true
				}
			}
			if seen[here] || seen == nil && slices.Contains(n.names, here) {
				p.twice()
			}
			if seen != nil {
				seen[here] = true
			}
			n.names = append(n.names, here)
		}
		item, ok := p.value(depth + 1)
		if !ok {
			return n, false
		}
		n.items = append(n.items, item)
		p.path = p.path[:len(p.path)-1]
		if p.next(shut) {
			return n, true
		}
		if !p.next(',') {
			return n, false
		}
	}
}

// string reads a string at its opening quote.
func (p *parser) string() (s string, ok bool) {
	rest := p.text[p.at+1:]
	plain := true
	for i := 0; i < len(rest); i++ {
		switch b := rest[i]; {
		case b == '"' && plain:
			p.at += i + 2
			return rest[:i], true
		case b == '"':
			var decoded string
			err := json.Unmarshal([]byte(p.text[p.at:p.at+i+2]), &decoded)
			p.at += i + 2
			return decoded, err == nil
		case b == '\\':
			plain = false
			i++
		case b < ' ':
			plain = false // and refused
		}
	}
	return "", false
}

// twice notes that the object has a name for the second time.
func (p *parser) twice() {
	if len(p.bad) < maxProblems {
		p.bad = append(p.bad, detail{Field: pointerTo(p.path), Location: "body", Issue: duplicate, Description: "is there twice"})
	}
}

func malformed(what string) error {
	return invalid{{Location: "body", Issue: "MALFORMED_REQUEST_JSON", Description: what}}
}

// pointerTo returns the JSON pointer to where names and indices lead.
func pointerTo(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		pointerEscapes.WriteString(&b, name)
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
