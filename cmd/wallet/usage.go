package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A price says what each unit in a column costs.
type price struct {
	column string
	each   wallet.Amount
}

// UnmarshalText reads COLUMN=MONEY.
func (p *price) UnmarshalText(text []byte) error {
	column, each, found := cutLast(string(text), "=")
	if !found || column == "" {
		return errors.New("is not COLUMN=MONEY")
	}
	p.column = column
	return p.each.UnmarshalText([]byte(each))
}

// A row is one use: when it was, what it costs, and its line in the file.
type row struct {
	at    time.Time
	price wallet.Amount
	line  int
}

// A usage is a log in order of time; rows of one instant stay in the file's order.
type usage struct {
	rows  []row
	total wallet.Amount // of the prices
	moved int           // rows that stood behind a later one
}

// readUsage reads a CSV file with a header. The price of a row is the sum of its columns × what each unit costs, exact. If a
// row cannot be read, the error lists all such rows, each with its line, and there is no usage.
func readUsage(file io.Reader, name, timeColumn string, prices []price) (usage, error) {
	in := csv.NewReader(file)
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return usage{}, fmt.Errorf("%s: is empty; it must begin with a header", name)
	} else if err != nil {
		return usage{}, fmt.Errorf("%s: %w", name, err)
	}
	columns := columnsOf(header)
	when, err := columns.find(timeColumn)
	if err != nil {
		return usage{}, fmt.Errorf("%s:1: --time: %w", name, err)
	}
	at := make([]int, len(prices))
	for i, p := range prices {
		if at[i], err = columns.find(p.column); err != nil {
			return usage{}, fmt.Errorf("%s:1: --price: %w", name, err)
		}
	}

	var u usage
	bad := malformed{name: name}
	for {
		record, err := in.Read()
		if err == io.EOF {
			break
		}
		bad.read++
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			if errors.Is(err, csv.ErrFieldCount) {
				err = fmt.Errorf("has %d fields, the header has %d", len(record), len(columns))
			} else {
				err = parse.Err
			}
			bad.add(parse.Line, err)
			continue
		} else if err != nil {
			return usage{}, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := in.FieldPos(0)
		r := row{line: line}
		if r.at, err = parseTime(record[when]); err != nil {
			bad.add(line, fmt.Errorf("%s: %w", timeColumn, err))
		} else if r.price, err = priceOf(record, prices, at); err != nil {
			bad.add(line, err)
		}
		if n := len(u.rows); n > 0 && r.at.Before(u.rows[n-1].at) {
			u.moved++
		}
		u.rows = append(u.rows, r)
		u.total = u.total.Add(r.price)
	}
	if bad.count > 0 {
		return usage{}, &bad
	}
	if len(u.rows) == 0 {
		return usage{}, fmt.Errorf("%s: has a header but no rows", name)
	}
	slices.SortStableFunc(u.rows, func(a, b row) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.line, b.line)) })
	return u, nil
}

func priceOf(record []string, prices []price, at []int) (sum wallet.Amount, err error) {
	for i, p := range prices {
		units, err := wallet.ParseAmount(strings.TrimSpace(record[at[i]]))
		if err != nil {
			return sum, fmt.Errorf("%s: %q is not a plain decimal number", p.column, record[at[i]])
		}
		if units.Sign() < 0 {
			return sum, fmt.Errorf("%s: %s is negative", p.column, units)
		}
		sum = sum.Add(units.Mul(p.each))
	}
	if !sum.Fits() {
		return sum, fmt.Errorf("its price %s needs more than 18 digits before the point, or 12 after it", sum)
	}
	return sum, nil
}

// columns are the names in a header, in the order of the file.
type columns []string

func columnsOf(header []string) columns {
	c := make(columns, len(header))
	for i, name := range header {
		c[i] = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")) // some programs begin a file with a byte order mark
	}
	return c
}

func (c columns) find(name string) (int, error) {
	i := slices.Index(c, name)
	if i < 0 {
		return 0, fmt.Errorf("there is no column %q; the columns are %s", name, strings.Join(c, ", "))
	}
	if slices.Contains(c[i+1:], name) {
		return 0, fmt.Errorf("there are several columns %q", name)
	}
	return i, nil
}

// malformed lists the rows that cannot be read; the first few in full.
type malformed struct {
	name  string
	read  int // rows seen
	count int // of them bad
	first []string
}

func (m *malformed) add(line int, err error) {
	const most = 10
	if m.count++; len(m.first) < most {
		m.first = append(m.first, fmt.Sprintf("%s:%d: %v", m.name, line, err))
	}
}

func (m *malformed) Error() string {
	s := strings.Join(m.first, "\n")
	if more := m.count - len(m.first); more > 0 {
		s += fmt.Sprintf("\n… and %d more", more)
	}
	return s + fmt.Sprintf("\n%d of %d rows cannot be read; nothing was charged", m.count, m.read)
}

// parseTime reads RFC 3339, or a date and time with a space between them (UTC unless an offset follows), or Unix time:
// seconds below 10^11 and milliseconds from there on, with decimals if any. What is finer than a microsecond is dropped.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	t, err := time.Parse(time.RFC3339, s)
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if err == nil {
			break
		}
		t, err = time.Parse(layout, s) // takes decimals of the second, too
	}
	if err != nil {
		t, err = parseUnix(s)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time like 2006-01-02T15:04:05Z, 2006-01-02 15:04:05.999 or a Unix time", s)
	}
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%q is not within the years 1970 to 9999", s)
	}
	return t, nil
}

func parseUnix(s string) (time.Time, error) {
	n, err := wallet.ParseAmount(s)
	if err != nil {
		return time.Time{}, err
	}
	unit := wallet.MustAmount("1000000") // microseconds in a second
	if n.Cmp(wallet.MustAmount("100000000000")) >= 0 {
		unit = wallet.MustAmount("1000")
	}
	us, err := strconv.ParseInt(n.Mul(unit).Round(0, wallet.RoundDown).String(), 10, 64)
	return time.UnixMicro(us), err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
