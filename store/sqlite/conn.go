package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// A session runs statements on one connection. A statement is compiled once per session.
type session interface {
	exec(q *query, args ...driver.Value) (driver.Result, error)

	// rows calls each with every row, which is valid until each returns. Its error ends the rows and is returned.
	rows(q *query, each func(row []driver.Value) error, args ...driver.Value) error
}

// A query is the text of a statement; its pointer is its name.
type query struct{ text string }

// newQuery makes a query whose parameters are ?1, ?2 and so on. Where they stand in that order, each once, the numbers are left
// out: the driver binds what has a name, and these are names, by comparing it with all others.
func newQuery(text string) *query {
	n := 0
	plain := parameter.ReplaceAllStringFunc(text, func(p string) string {
		if n++; p != fmt.Sprint("?", n) {
			n = -1 << 20
		}
		return "?"
	})
	if n > 0 {
		text = plain
	}
	return &query{text}
}

var parameter = regexp.MustCompile(`\?\d+`)

// queries has those that are put together as they are needed. Their number is bounded by their forms.
var queries sync.Map // text → *query

func queryOf(text string) *query {
	if q, ok := queries.Load(text); ok {
		return q.(*query)
	}
	q, _ := queries.LoadOrStore(text, newQuery(text))
	return q.(*query)
}

// A bulk inserts rows, many together: what SQLite sets up for a statement costs as much as a row or two.
type bulk struct {
	width     int // parameters of a row
	many, one *query
}

// atOnce is about how many parameters a statement of many rows has: the driver looks for what it binds among all of them.
const atOnce = 48

func newBulk(insert, row string) *bulk {
	width := strings.Count(row, "?")
	return &bulk{width, &query{insert + " VALUES " + row + strings.Repeat(", "+row, atOnce/width-1)}, &query{insert + " VALUES " + row}}
}

// insertAll inserts rows, which follow each other in args.
func insertAll(s session, b *bulk, args []driver.Value) (err error) {
	for n := atOnce / b.width * b.width; err == nil && len(args) >= n; args = args[n:] {
		_, err = s.exec(b.many, args[:n]...)
	}
	for ; err == nil && len(args) > 0; args = args[b.width:] {
		_, err = s.exec(b.one, args[:b.width]...)
	}
	return err
}

// A conn is a connection of its own. It talks to the driver without the layers of database/sql, and never passes a context
// that can end: what is under way in SQLite is short, and the waiting for locks is done here.
type conn struct {
	own   *sql.Conn
	raw   driver.Conn
	stmts map[*query]driver.Stmt
	args  []driver.NamedValue
	fault func(op string) error // called before every statement; tests make it fail

	restore []string // what gives the connection back as it was
	broken  bool     // it cannot be used again: its transaction may have ended, or may not end
}

// newConn takes over a connection.
func newConn(own *sql.Conn, fault func(string) error) (*conn, error) {
	c := &conn{own: own, stmts: map[*query]driver.Stmt{}, fault: fault}
	err := own.Raw(func(raw any) error {
		c.raw, _ = raw.(driver.Conn)
		return nil
	})
	if err == nil && c.raw == nil {
		err = fmt.Errorf("sqlite: connection is a %T", c.raw)
	}
	return c, err
}

// close gives the connection back as it was, or has it closed if that is not possible.
func (c *conn) close() (err error) {
	defer func() { // also when a statement panics
		for _, s := range c.stmts {
			s.Close() // repeats the statement's last error, if any
		}
		c.stmts = nil
		if c.broken {
			c.own.Raw(func(any) error { return driver.ErrBadConn }) // makes the pool drop it
			c.own.Close()
			return
		}
		err = c.own.Close()
	}()
	for _, text := range c.restore {
		if c.broken {
			break
		}
		if _, err := c.exec(queryOf(text)); err != nil {
			c.broken = true
		}
	}
	return nil
}

// rollback ends a transaction. A connection that refuses is not used again: it may still hold the lock.
func (c *conn) rollback() {
	if _, err := c.exec(rollback); err != nil {
		c.broken = true
	}
}

func (c *conn) prepare(q *query) (driver.Stmt, error) {
	if c.fault != nil {
		if err := c.fault(q.text); err != nil {
			return nil, err
		}
	}
	if s := c.stmts[q]; s != nil {
		return s, nil
	}
	s, err := c.raw.Prepare(q.text)
	if err == nil {
		c.stmts[q] = s
	}
	return s, err
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

func (c *conn) exec(q *query, args ...driver.Value) (done driver.Result, err error) {
	broken := c.broken
	c.broken = true // if it panics, or exits
	s, err := c.prepare(q)
	if err == nil {
		done, err = s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args)) // as every driver of this day has it
	}
	c.broken = broken || endsTransaction(err)
	return done, err
}

func (c *conn) rows(q *query, each func([]driver.Value) error, args ...driver.Value) error {
	broken := c.broken
	c.broken = true // if it panics, or exits
	err := c.each(q, each, args)
	c.broken = broken || endsTransaction(err)
	return err
}

// endsTransaction reports that SQLite may have rolled the transaction back by itself, as it does when memory, the disk or a file
// fails it: what follows would be written one by one.
func endsTransaction(err error) bool {
	if err == nil {
		return false
	}
	switch codeOf(err) & 0xff {
	case 7, 9, 10, 13: // NOMEM, INTERRUPT, IOERR, FULL
		return true
	}
	return false
}

func (c *conn) each(q *query, each func([]driver.Value) error, args []driver.Value) (err error) {
	s, err := c.prepare(q)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// errStop ends rows early.
var errStop = errors.New("sqlite: enough rows")

// one reads the first row, and reports whether there is one.
func one(s session, q *query, read func([]driver.Value) error, args ...driver.Value) (bool, error) {
	found := false
	err := s.rows(q, func(row []driver.Value) error {
		found = true
		if err := read(row); err != nil {
			return err
		}
		return errStop
	}, args...)
	if errors.Is(err, errStop) {
		err = nil
	}
	return found, err
}

// number reads an integer; absent or NULL is 0.
func number(s session, q *query, args ...driver.Value) (n int64, err error) {
	_, err = one(s, q, func(row []driver.Value) error {
		r := reader{row: row}
		n = r.int()
		return r.err
	}, args...)
	return n, err
}
