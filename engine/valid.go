package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-12493b23/wallet"
)

// The bounds of what a request may carry.
const (
	maxText       = 255 // bytes of a name, code, reference, reason, metric, fee ID, key or customer ID
	maxPriority   = 255
	maxKeys       = 50 // of metadata
	maxKeyBytes   = 100
	maxValueBytes = 500
	maxRules      = 50
	maxFees       = 1000
	maxApplies    = 1000 // fee types, and metrics, that a wallet lists
)

// Instants lie in the years 1970 to 9999.
var (
	firstInstant = time.Unix(0, 0).UTC()
	lastInstant  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// instant returns t in UTC and whole microseconds; zero stays zero.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// after returns the instant so long after t, in whole microseconds, or the last one there is.
func after(t time.Time, d time.Duration) time.Time {
	if sum := t.Add(d).Truncate(time.Microsecond); sum.Before(lastInstant) {
		return sum
	}
	return lastInstant
}

// checker collects what is wrong with a request, field by field.
type checker struct {
	wallet.InvalidError
	part  string // what part of the request the fields are in: "fee"; empty: the request itself
	index int    // which one of several, else −1
}

// in says that the fields looked at from here on are in a part of the request.
func (c *checker) in(part string, index int) { c.part, c.index = part, index }

// Add notes that the field, which holds value, has an issue.
func (c *checker) Add(field, value, issue string) {
	switch {
	case c.part != "" && c.index >= 0:
		field = fmt.Sprintf("%s[%d].%s", c.part, c.index, field)
	case c.part != "":
		field = c.part + "." + field
	}
	c.InvalidError.Add(field, value, issue)
}

// Err returns what was noted, or nil.
func (c *checker) Err() error {
	if len(c.Fields) == 0 {
		return nil
	}
	return &wallet.InvalidError{Fields: c.Fields} // and c stays off the heap
}

func (c *checker) text(field, s string) {
	switch {
	case len(s) <= maxText && isPrintable(s):
	case len(s) > maxText:
		c.Add(field, s, fmt.Sprintf("is longer than %d bytes", maxText))
	case !utf8.ValidString(s):
		c.Add(field, s, "is not UTF-8")
	default:
		for _, r := range s {
			if unicode.IsControl(r) {
				c.Add(field, s, "has control characters")
				return
			}
		}
	}
}

// isPrintable reports whether s is ASCII without control characters, as nearly every text is.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func (c *checker) customer(id wallet.CustomerID) {
	if id == "" {
		c.Add("customer", "", "is required")
	}
	c.text("customer", string(id))
}

func (c *checker) currency(cur wallet.Currency) {
	if !cur.Valid() {
		c.Add("currency", string(cur), "is not an ISO 4217 code")
	}
}

func (c *checker) priority(field string, p int) {
	if p < 0 || p > maxPriority {
		c.Add(field, strconv.Itoa(p), fmt.Sprintf("is not between 0 and %d", maxPriority))
	}
}

// amount checks an amount that may be zero.
func (c *checker) amount(field string, a wallet.Amount) {
	switch {
	case a.Sign() < 0:
		c.Add(field, a.String(), "is negative")
	case !a.Fits():
		c.Add(field, a.String(), "is not within 18 digits before the point and 12 after")
	}
}

// instant checks an optional instant; whether it lies in the future is for the command to see.
func (c *checker) instant(field string, t time.Time) {
	if !t.IsZero() && (t.Before(firstInstant) || t.After(lastInstant.Add(time.Microsecond-1))) {
		c.Add(field, t.Format(time.RFC3339Nano), "is not in the years 1970 to 9999")
	}
}

func (c *checker) duration(field string, d time.Duration) {
	if d < 0 || d != 0 && d < time.Microsecond {
		c.Add(field, d.String(), "is less than a microsecond")
	}
}

// future notes an expiry that is not after now.
func (c *checker) future(field string, t, now time.Time) {
	if !t.IsZero() && !t.After(now) {
		c.Add(field, t.Format(time.RFC3339Nano), "is not after "+now.Format(time.RFC3339Nano))
	}
}

func (c *checker) metadata(field string, m map[string]string) {
	if len(m) > maxKeys {
		c.Add(field, strconv.Itoa(len(m))+" keys", fmt.Sprintf("are more than %d", maxKeys))
	}
	if len(m) == 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == "" || len(k) > maxKeyBytes || !utf8.ValidString(k) {
			c.Add(field, k, fmt.Sprintf("is not a key of 1 to %d bytes of UTF-8", maxKeyBytes))
		}
		if v := m[k]; len(v) > maxValueBytes || !utf8.ValidString(v) {
			c.Add(field+"."+k, v, fmt.Sprintf("is not a value of at most %d bytes of UTF-8", maxValueBytes))
		}
	}
}

func (c *checker) feeType(field string, t wallet.FeeType) {
	const most = 64
	for i := 0; i < len(t); i++ {
		letter := t[i] >= 'a' && t[i] <= 'z'
		if other := t[i] >= '0' && t[i] <= '9' || t[i] == '_'; !letter && (i == 0 || !other) || i >= most {
			c.Add(field, string(t), "is not of the form [a-z][a-z0-9_]{0,63}")
			return
		}
	}
}

func (c *checker) appliesTo(a wallet.AppliesTo) {
	if len(a.FeeTypes) > maxApplies || len(a.Metrics) > maxApplies {
		c.Add("applies_to", fmt.Sprint(max(len(a.FeeTypes), len(a.Metrics))), fmt.Sprintf("lists more than %d", maxApplies))
	}
	for i, t := range a.FeeTypes {
		field := fmt.Sprintf("applies_to.fee_types[%d]", i)
		if c.feeType(field, t); t == "" {
			c.Add(field, "", "is empty")
		}
	}
	for i, m := range a.Metrics {
		field := fmt.Sprintf("applies_to.metrics[%d]", i)
		if c.text(field, m); m == "" {
			c.Add(field, "", "is empty")
		}
	}
}

func (c *checker) limits(l wallet.Limits) {
	c.amount("limits.min_paid", l.MinPaid)
	c.amount("limits.max_paid", l.MaxPaid)
	if l.MaxPaid.Sign() > 0 && l.MinPaid.Cmp(l.MaxPaid) > 0 {
		c.Add("limits.min_paid", l.MinPaid.String(), "is more than max_paid "+l.MaxPaid.String())
	}
}

// rate checks money per credit.
func (c *checker) rate(r wallet.Amount) {
	const decimals = 6
	if r.Cmp(minRate) < 0 || r.Cmp(maxRate) > 0 || !r.Round(decimals, wallet.RoundDown).Equal(r) {
		c.Add("rate", r.String(), "is not from 0.000001 to 999999.999999 with at most 6 decimals")
	}
}

func (c *checker) page(offset, limit int) {
	if offset < 0 {
		c.Add("offset", strconv.Itoa(offset), "is negative")
	}
	if limit < 0 {
		c.Add("limit", strconv.Itoa(limit), "is negative")
	}
}

var (
	minRate = wallet.MustAmount("0.000001")
	maxRate = wallet.MustAmount("999999.999999")
)
