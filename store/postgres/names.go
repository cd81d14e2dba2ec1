package postgres

import (
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// names puts the tables' names, which depend on the schema, into statements.
type names struct {
	schema string
	texts  sync.Map // statement → with names
}

func newNames(schema string) *names { return &names{schema: schema} }

var table = regexp.MustCompile(`\{(\w+)\}`)

// in returns a statement with the names of tables for those in braces.
func (n *names) in(text string) string {
	if t, ok := n.texts.Load(text); ok {
		return t.(string)
	}
	t := n.replace(text)
	n.texts.Store(text, t)
	return t
}

func (n *names) replace(text string) string {
	schema := strings.ReplaceAll(pgx.Identifier{n.schema}.Sanitize(), "$", "$$")
	return table.ReplaceAllString(text, schema+".wallet_$1")
}
