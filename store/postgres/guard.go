package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A guard makes sure that customers are as they were when they were loaded, and locks them, if they are not locked, without
// waiting; or it fails. The new edition is theirs, with values for more columns.
type guard struct {
	columns []column
	one     string // customer; behind its values come how many events there are, and how many customers
	many    string
	locked  string // one customer that is locked, for engines that know little of this: without how many customers
}

var (
	changed = newGuard("")
	heated  = newGuard(`, hot uuid, hot_held numeric, spendable numeric, consumed numeric, remaining numeric, txns bigint, events bigint,
		updated timestamptz, last uuid`)
)

func newGuard(more string) *guard {
	g := &guard{columns: parseColumns("customer text, version bigint, cursor bigint" + more)}
	events := fmt.Sprintf("$%d::bigint", len(g.columns)+1)
	one, many := "version = t.version + 1, cursor = GREATEST({xid}, $3::bigint) + "+events, "version = t.version + 1, cursor = GREATEST({xid}, u.cursor) + "+events
	for i, c := range g.columns[3:] {
		one, many = one+", "+c.set(c.param(i+4)), many+", "+c.set(c.value())
	}
	found := fmt.Sprintf("SELECT 1 / (count(*) = $%d::bigint)::int, {xid} FROM g", len(g.columns)+2)
	g.one = fmt.Sprintf(`WITH f AS (SELECT ctid FROM {customer} WHERE customer = $1 AND version = $2 FOR NO KEY UPDATE SKIP LOCKED),
	g AS (UPDATE {customer} t SET %s FROM f WHERE t.ctid = f.ctid RETURNING 1)
%s`, one, found)
	g.many = fmt.Sprintf(`WITH g AS (UPDATE {customer} t SET %s FROM %s CROSS JOIN LATERAL (
		SELECT t.ctid FROM {customer} t WHERE t.customer = u.customer AND t.version = u.version LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) f
	WHERE t.ctid = f.ctid RETURNING 1)
%s`, many, unnest(g.columns), found)
	g.locked = fmt.Sprintf("WITH g AS (UPDATE {customer} t SET %s WHERE customer = $1 AND version = $2 RETURNING 1) SELECT 1 / count(*)::int, {xid} FROM g", one)
	return g
}

// queue adds the statements for rows of customers, and returns how many those are. Each answers with a row.
func (g *guard) queue(b *pgx.Batch, n *names, rows []any, events int64, each bool) int {
	width := len(g.columns)
	switch count := len(rows) / width; {
	case each:
		for i := range count {
			b.Queue(n.in(g.locked), append(rows[i*width:(i+1)*width:(i+1)*width], events)...)
		}
		return count
	case count == 0:
		return 0
	case count == 1:
		b.Queue(n.in(g.one), append(rows[:width:width], events, 1)...)
	default:
		b.Queue(n.in(g.many), append(gatherAll(rows, g.columns), events, count)...)
	}
	return 1
}
