package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// A column of a table that is written. The first of a table's columns are its key.
type column struct {
	name, kind string
	merge      bool // an update adds to an array what it does not have
}

func (c *column) set(value string) string {
	if c.merge {
		return fmt.Sprintf("%[1]s = CASE WHEN %[2]s <@ t.%[1]s THEN t.%[1]s ELSE t.%[1]s || %[2]s END", c.name, value)
	}
	return c.name + " = " + value
}

// param is the column's value as the i-th parameter.
func (c *column) param(i int) string { return fmt.Sprintf("$%d::%s", i, c.kind) }

// value is the column's value in a row of [unnest].
func (c *column) value() string {
	if carrier(c.kind) != c.kind {
		return "u." + c.name + "::" + c.kind
	}
	return "u." + c.name
}

func parseColumns(text string) (all []column) {
	for _, c := range strings.Split(text, ",") {
		words := strings.Fields(c)
		all = append(all, column{words[0], words[1], len(words) > 2})
	}
	return all
}

// unnest makes rows u of parameters that are arrays. Side by side in the list of a SELECT, their elements come one by one; functions
// after a FROM would each be collected first.
func unnest(columns []column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = fmt.Sprintf("unnest($%d::%s[]) AS %s", i+1, carrier(c.kind), c.name)
	}
	return "(SELECT " + strings.Join(all, ", ") + ") u"
}

// A target is a table, with the columns that a statement gives, by which key it finds the rows, if it does. The column cursor is
// given as a number of the batch; base, which is no column, is the last cursor of the customer before.
type target struct {
	table   string
	keys    int // of the columns; the others are set
	columns []column

	inserts, updates, deletes [2]string // one row, many rows
}

// newTarget returns a target whose inserts also set columns that are equal to others, or to a literal.
func newTarget(table string, keys int, columns string, equal ...[2]string) *target {
	t := &target{table: table, keys: keys, columns: parseColumns(columns)}
	var names, params, sets, wheres, values, joins, assigns []string
	for i, c := range t.columns {
		param, value := c.param(i+1), c.value()
		switch c.name {
		case "base":
			continue
		case "cursor":
			param, value = fmt.Sprintf("GREATEST({xid}, $%d::bigint) + %s", i, param), "GREATEST({xid}, u.base) + "+value
		}
		names, params, values = append(names, c.name), append(params, param), append(values, value)
		if i < keys {
			wheres, joins = append(wheres, "t."+c.name+" = "+param), append(joins, "t."+c.name+" = "+value)
		} else {
			sets, assigns = append(sets, c.set(param)), append(assigns, c.set(value))
		}
	}
	for _, e := range equal {
		param, value := e[1], e[1]
		if i := slices.Index(names, e[1]); i >= 0 {
			param, value = params[i], values[i]
		}
		names, params, values = append(names, e[0]), append(params, param), append(values, value)
	}
	// As in reading, each row is found by its key, however few the planner believes there are.
	found := fmt.Sprintf(" CROSS JOIN LATERAL (SELECT t.ctid FROM %s t WHERE %s LIMIT 1) f WHERE t.ctid = f.ctid", table, strings.Join(joins, " AND "))
	from := unnest(t.columns)
	into := fmt.Sprintf("INSERT INTO %s (%s) ", table, strings.Join(names, ", "))
	t.inserts = [2]string{
		into + "VALUES (" + strings.Join(params, ", ") + ")",
		into + "SELECT " + strings.Join(values, ", ") + " FROM " + from,
	}
	t.updates = counted(
		fmt.Sprintf("UPDATE %s t SET %s WHERE %s", table, strings.Join(sets, ", "), strings.Join(wheres, " AND ")),
		fmt.Sprintf("UPDATE %s t SET %s FROM %s%s", table, strings.Join(assigns, ", "), from, found))
	t.deletes = counted(
		fmt.Sprintf("DELETE FROM %s t WHERE %s", table, strings.Join(wheres, " AND ")),
		fmt.Sprintf("DELETE FROM %s t USING %s%s", table, from, found))
	return t
}

// counted makes statements about one row, and about many, fail unless they affect as many rows: the server must know, before it
// comes to the COMMIT behind them.
func counted(one, many string) [2]string {
	const all = "WITH x AS (%s RETURNING 1) SELECT 1 / (count(*) = %s)::int FROM x"
	return [2]string{fmt.Sprintf(all, one, "1"), fmt.Sprintf(all, many, "cardinality($1)")}
}

// carrier is the type that values travel as: text, for what Go has no better type of.
func carrier(kind string) string {
	switch kind {
	case "numeric", "json", "uuid[]":
		return "text"
	}
	return kind
}

// A sheet collects rows for a target.
type sheet struct {
	*target
	forms [2]string
	rows  []any // one row behind the other
}

func (s *sheet) add(values ...any) { s.rows = append(s.rows, values...) }

func (s *sheet) len() int { return len(s.rows) / len(s.columns) }

// queue adds the statements that write the rows: one for all of them, or one for each, where a planner that was not told how
// must not choose between them. It returns how many those are.
func (s *sheet) queue(b *pgx.Batch, n *names, each bool) int {
	width, rows := len(s.columns), s.len()
	switch {
	case rows == 0:
		return 0
	case each || rows == 1:
		for i := range rows {
			b.Queue(n.in(s.forms[0]), s.rows[i*width:(i+1)*width]...)
		}
		return rows
	default:
		b.Queue(n.in(s.forms[1]), gatherAll(s.rows, s.columns)...)
		return 1
	}
}

// gatherAll returns the columns of the rows as arrays.
func gatherAll(rows []any, columns []column) []any {
	all := make([]any, len(columns), len(columns)+2)
	for i, c := range columns {
		all[i] = gather(rows, i, len(columns), c.kind)
	}
	return all
}

// gather returns a column of the rows as an array. Its values are of one type, or nil for NULL.
func gather(rows []any, i, width int, kind string) pgtype.ArrayGetter {
	c := &cells{rows: rows, i: i, width: width}
	switch carrier(kind) {
	case "text":
		c.like = ""
	case "uuid":
		c.like = pgtype.UUID{}
	case "timestamptz":
		c.like = pgtype.Timestamptz{}
	case "bigint":
		c.like = int64(0)
	case "smallint":
		c.like = int16(0)
	case "boolean":
		c.like = false
	case "bytea":
		c.like = []byte{}
	default:
		panic("postgres: no arrays of " + kind)
	}
	return c
}

// cells are a column of rows, for pgx to read as an array.
type cells struct {
	rows     []any
	i, width int
	like     any
}

func (c *cells) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(c.rows) / c.width), LowerBound: 1}}
}
func (c *cells) Index(row int) any { return c.rows[c.i+row*c.width] }
func (c *cells) IndexType() any    { return c.like }
