package rest

import (
	"strings"

	"github.com/seed-12493b23/wallet"
)

// fieldNames are the API's names of the engine's fields, where they differ.
var fieldNames = map[string]string{
	"customer": "external_customer_id", "rate": "rate_amount", "expires_at": "expiration_at", "rules": "recurring_transaction_rules",
	"paid": "paid_credits", "granted": "granted_credits", "min_paid": "min_paid_credits", "max_paid": "max_paid_credits",
	"threshold": "threshold_credits", "target": "target_ongoing_balance", "every": "interval", "starts_at": "started_at",
	"corrects": "corrects_transaction_id", "lot": "lot_id", "type": "fee_type", "for": "expires_in",
}

// renamer is a request that calls some fields of the engine's by names of its own; empty for the others.
type renamer interface{ rename(field string) string }

// explain says which fields of the request the engine refused.
func (c *call) explain(bad *wallet.InvalidError) (details []detail) {
	for _, f := range bad.Fields {
		d := detail{Value: f.Value, Location: "body", Issue: invalidValue, Description: c.said(f)}
		switch f.Field {
		case "key":
			d.Field, d.Location = "/"+c.keyName, "header"
		case "transaction", "offset", "limit", "after", "id":
			d.Field, d.Location = "/"+f.Field, "query"
			if f.Field == "transaction" {
				d.Field, d.Location = "/wallet_transaction_id", "path"
			}
		default:
			var given *node
			if d.Field, given = c.pointer(strings.TrimPrefix(f.Field, "top_up.")); given != nil && given.kind == '0' {
				d.Value = given.text // seconds, which the engine writes as 2h30m
			}
			if c.op.method == "GET" {
				d.Location = "query"
			}
		}
		details = append(details, d)
	}
	return details
}

// said is what the engine says is wrong with a field, with the API's names of the others that it mentions.
func (c *call) said(f wallet.FieldError) string {
	words := strings.Split(f.Issue, " ")
	names := strings.HasSuffix(f.Issue, "exclude each other")
	for i, word := range words {
		if names || strings.Contains(word, "_") {
			words[i] = c.rename(word, strings.HasPrefix(f.Field, "rules["))
		}
	}
	return strings.Join(words, " ")
}

// pointer turns the engine's path of a field, as rules[2].metadata.team, into a JSON pointer, and returns what is there.
func (c *call) pointer(path string) (string, *node) {
	var b strings.Builder
	inRule := false
	at := c.body
	for path != "" {
		field, rest, _ := strings.Cut(path, ".")
		field, index, listed := strings.Cut(field, "[")
		name := c.rename(field, inRule)
		b.WriteString("/" + name)
		if at != nil {
			at = at.member(name)
		}
		if field == "metadata" && rest != "" {
			if i, ok := at.pairOf(rest); ok {
				b.WriteString("/" + itoa(i))
			}
			break
		}
		if listed {
			index = strings.TrimSuffix(index, "]")
			b.WriteString("/" + index)
			at = at.item(index)
		}
		inRule = field == "rules"
		path = rest
	}
	return b.String(), at
}

func (c *call) rename(field string, inRule bool) string {
	if name, ok := ruleFields[field]; ok && inRule {
		return name
	}
	if r, ok := c.in.(renamer); ok {
		if name := r.rename(field); name != "" {
			return name
		}
	}
	if name, ok := fieldNames[field]; ok {
		return name
	}
	return field
}

// pairOf returns the place of the key in a list of pairs.
func (n *node) pairOf(key string) (int, bool) {
	if n == nil {
		return 0, false
	}
	for i := range n.items {
		if k := n.items[i].member("key"); k != nil && k.text == key {
			return i, true
		}
	}
	return 0, false
}

// item returns what stands at an index of an array.
func (n *node) item(index string) *node {
	if n == nil {
		return nil
	}
	for i := range n.items {
		if itoa(i) == index {
			return &n.items[i]
		}
	}
	return nil
}
