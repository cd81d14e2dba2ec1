package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/seed-12493b23/wallet"
)

func documents() []operation {
	return []operation{
		op(GetDocument, http.MethodGet, "/openapi.json", "Get this document", (*call).getDocument),
	}
}

type getDocument struct{}

func (c *call) getDocument(*getDocument) (json.RawMessage, error) { return c.handler.document, nil }

type object = map[string]any

// document describes the operations as OpenAPI 3.1.
func document(operations []operation, enums map[string][]string) []byte {
	d := describer{enums: enums, schemas: object{}}
	paths := object{}
	for _, o := range operations {
		path := "/" + strings.Join(o.path, "/")
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path].(object)[strings.ToLower(o.method)] = d.operation(o)
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{"title": "Billing credits", "version": "1",
			"description": "Customers' wallets of prepaid credits: what goes in, what is paid from them, and what is left."},
		"servers":  []object{{"url": Base}},
		"security": []object{{"bearer": []string{}}},
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer"}},
			"schemas":         d.schemas,
			"responses":       object{"problem": answer("What went wrong", d.schema(reflect.TypeFor[problem](), "", true))},
		},
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return text
}

// A describer writes schemas of types, those of named structs once.
type describer struct {
	enums   map[string][]string
	schemas object
}

func (d *describer) operation(o operation) object {
	s := shapeOf(o.in)
	var params []object
	for _, name := range o.path {
		if name[0] == '{' {
			f := s.path[name[1:len(name)-1]]
			params = append(params, object{"name": f.name, "in": "path", "required": true, "schema": d.schema(f.typ, f.enum, false)})
		}
	}
	for _, f := range sorted(s.query) {
		p := object{"name": f.name, "in": "query", "schema": d.schema(f.typ, f.enum, false)}
		if b, ok := pageBounds[f.name]; ok {
			p["schema"] = object{"type": "integer", "minimum": 1, "maximum": b.most, "default": b.otherwise}
		}
		if f.typ.Kind() == reflect.Slice {
			p["style"], p["explode"] = "form", false
		}
		params = append(params, p)
	}
	if !o.name.Reads() {
		params = append(params, object{"name": "Idempotency-Key", "in": "header", "schema": object{"type": "string", "minLength": 1, "maxLength": 255},
			"description": "Makes repeating the request harmless; PayPal-Request-Id is another name for it."})
	}
	out := object{
		"operationId": string(o.name), "summary": o.summary,
		"responses": object{"200": answer("Done", d.schema(o.out, "", true)), "default": object{"$ref": "#/components/responses/problem"}},
	}
	if params != nil {
		out["parameters"] = params
	}
	if s.hasBody() {
		required := slices.ContainsFunc(s.order, func(f *field) bool { return f.need })
		out["requestBody"] = object{"required": required, "content": content(d.schema(o.in, "", false))}
	}
	return out
}

func answer(description string, schema object) object {
	return object{"description": description, "content": content(schema)}
}

func content(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

// schema describes a type: as it is answered, where fields that are not left out are there, or as it is asked for, where those
// that are needed are.
func (d *describer) schema(t reflect.Type, enum string, answered bool) object {
	const decimal = `^-?[0-9]{1,18}(\.[0-9]{1,12})?$`
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		return object{"type": "object"}
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[seconds]():
		return object{"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.000001}
	case reflect.TypeFor[number]():
		return object{"type": "number"}
	case reflect.TypeFor[positive]():
		return object{"type": "string", "pattern": strings.Replace(decimal, "-?", "", 1), "description": "More than zero."}
	case reflect.TypeFor[quantity]():
		return object{"type": "string", "pattern": decimal}
	case reflect.TypeFor[wallet.Currency]():
		return object{"type": "string", "pattern": "^[A-Z]{3}$"}
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return d.schema(t.Elem(), enum, answered)
	case isText(t):
		return object{"type": "string", "format": "uuid"}
	}
	switch t.Kind() {
	case reflect.String:
		if name, ok := strings.CutPrefix(enum, "@"); ok {
			return object{"type": "string", "enum": d.enums[name]}
		}
		if enum != "" {
			return object{"type": "string", "enum": strings.Fields(enum)}
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Slice:
		return object{"type": "array", "items": d.schema(t.Elem(), enum, answered)}
	}
	return d.ref(t, answered)
}

// ref describes a struct among the components, and refers to it.
func (d *describer) ref(t reflect.Type, answered bool) object {
	name := schemaName(t, answered)
	ref := object{"$ref": "#/components/schemas/" + name}
	if t.Name() == "" {
		return d.object(t, answered)
	}
	if _, done := d.schemas[name]; !done {
		d.schemas[name] = nil // for those that contain themselves
		d.schemas[name] = d.object(t, answered)
	}
	return ref
}

func (d *describer) object(t reflect.Type, answered bool) object {
	properties, required := object{}, []string{}
	for _, f := range shapeOf(t).order {
		one := d.schema(f.typ, f.enum, answered)
		tag := string(t.FieldByIndex(f.index).Tag)
		nullable := f.null && !answered || answered && f.typ.Kind() == reflect.Pointer && !strings.Contains(tag, "omit")
		if nullable {
			one = object{"anyOf": []object{one, {"type": "null"}}}
		}
		properties[f.name] = one
		if f.need && !answered || answered && !strings.Contains(tag, ",omit") {
			required = append(required, f.name)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// schemaName is the type's name in lower_snake; that of a type that is asked for ends with _request.
func schemaName(t reflect.Type, answered bool) string {
	var b strings.Builder
	for _, r := range strings.TrimSuffix(t.Name(), "Body") {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	if !answered {
		b.WriteString("_request")
	}
	return b.String()
}

func sorted(fields map[string]*field) []*field {
	var all []*field
	for _, f := range fields {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	return all
}
