package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A schemas reads an OpenAPI document: as much of JSON Schema as there is in it. Anything else in it is a fault.
type schemas struct {
	doc  map[string]any
	seen map[string]bool // "schema.property" of the objects checked
}

func (s schemas) resolve(schema any) (map[string]any, string) {
	m, name := schema.(map[string]any), ""
	if ref, ok := m["$ref"].(string); ok {
		var v any = s.doc
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			v, name = v.(map[string]any)[part], part
		}
		m = v.(map[string]any)
	}
	return m, name
}

// check returns what is wrong with a value, by its pointer.
func (s schemas) check(schema, value any, pointer string) (bad []string) {
	m, name := s.resolve(schema)
	fault := func(format string, args ...any) {
		bad = append(bad, pointer+": "+fmt.Sprintf(format, args...))
	}
	for _, keyword := range slices.Sorted(maps.Keys(m)) {
		arg := m[keyword]
		text, _ := value.(string)
		switch keyword {
		case "description", "properties", "minLength", "maxLength", "exclusiveMinimum", "multipleOf":
		case "type":
			if got := typeOf(value); got != arg && (got != "integer" || arg != "number") {
				fault("is %s, not %s", got, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				fault("%v is not one of %v", value, arg)
			}
		case "pattern":
			if !regexp.MustCompile(arg.(string)).MatchString(text) {
				fault("%q does not match %s", text, arg)
			}
		case "format":
			var err error
			switch arg {
			case "date-time":
				_, err = time.Parse(time.RFC3339Nano, text)
			case "uuid":
				if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(text) {
					err = fmt.Errorf("%q is no UUID", text)
				}
			default:
				err = fmt.Errorf("unknown format %s", arg)
			}
			if err != nil {
				fault("%v", err)
			}
		case "items":
			list, _ := value.([]any)
			for i, item := range list {
				bad = append(bad, s.check(arg, item, fmt.Sprint(pointer, "/", i))...)
			}
		case "required":
			object, _ := value.(map[string]any)
			for _, name := range arg.([]any) {
				if _, ok := object[name.(string)]; !ok {
					fault("has no %s", name)
				}
			}
		case "additionalProperties":
			object, _ := value.(map[string]any)
			properties := m["properties"].(map[string]any)
			for field, v := range object {
				if properties[field] == nil {
					fault("has %s", field)
					continue
				}
				s.seen[name+"."+field] = true
				bad = append(bad, s.check(properties[field], v, pointer+"/"+field)...)
			}
		case "anyOf":
			fits := false
			for _, one := range arg.([]any) {
				fits = fits || len(s.check(one, value, pointer)) == 0
			}
			if !fits {
				fault("%v is none of %v", value, arg)
			}
		default:
			fault("unknown keyword %s", keyword)
		}
	}
	return bad
}

func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.Contains(v.String(), ".") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}

func decoded(text []byte) (v any) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err.Error()
	}
	return v
}
