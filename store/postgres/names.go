package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// names puts what depends on the options into statements.
type names struct {
	schema string
	xid    string   // the first cursor of a transaction
	texts  sync.Map // statement → with names
}

func newNames(opts *Options) *names {
	n := &names{schema: opts.Schema, xid: fmt.Sprintf("(pg_current_xact_id()::text::bigint * %d)", ordinals)}
	if opts.Distributed {
		n.xid = "0"
	}
	return n
}

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
	text = strings.ReplaceAll(text, "{xid}", n.xid)
	return table.ReplaceAllString(text, schema+".wallet_$1")
}
