package wallet_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"pgregory.net/rapid"
)

// anID is what the four types of IDs have in common.
type anID interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
	driver.Valuer
	IsZero() bool
	Bytes() [16]byte
}

// pointer is a pointer to one of them.
type pointer[T any] interface {
	*T
	encoding.TextUnmarshaler
	sql.Scanner
	SetBytes([16]byte)
}

func TestIDs(t *testing.T) {
	at := time.Now()
	t.Run("ID", func(t *testing.T) { testID(t, wallet.ParseID, wallet.MintID(wallet.ID{}, at)) })
	t.Run("TransactionID", func(t *testing.T) {
		testID(t, wallet.ParseTransactionID, wallet.MintTransactionID(wallet.TransactionID{}, at))
	})
	t.Run("RuleID", func(t *testing.T) { testID(t, wallet.ParseRuleID, wallet.MintRuleID(wallet.RuleID{}, at)) })
	t.Run("HoldID", func(t *testing.T) { testID(t, wallet.ParseHoldID, wallet.MintHoldID(wallet.HoldID{}, at)) })
}

func testID[T anID, P pointer[T]](t *testing.T, parse func(string) (T, error), minted T) {
	var zero T
	v4 := must(parse("6f1a2b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b"))
	for _, id := range []T{minted, v4, zero} {
		text := id.String()
		if got, err := parse(text); got != id || err != nil {
			t.Errorf("got %s, error %v, want %s", got, err, id)
		}
		var back T
		P(&back).SetBytes(id.Bytes())
		if back != id {
			t.Errorf("from bytes: got %s, want %s", back, id)
		}
		var fields, none struct {
			ID   T         `json:"id"`
			Omit T         `json:"omit,omitzero"`
			Map  map[T]int `json:"map"`
		}
		fields.ID, fields.Map = id, map[T]int{id: 1}
		want := fmt.Sprintf(`{"id":"%s","map":{"%[1]s":1}}`, text)
		if got := string(must(json.Marshal(fields))); got != want {
			t.Errorf("as JSON: got %s, want %s", got, want)
		}
		if err := json.Unmarshal([]byte(want), &none); err != nil || none.ID != id || none.Map[id] != 1 {
			t.Errorf("from JSON: got %+v, error %v", none, err)
		}
		value, err := id.Value()
		if value != text || err != nil {
			t.Errorf("as an SQL value: got %v, error %v, want %s", value, err, text)
		}
		for _, src := range []any{text, []byte(text)} {
			var got T
			if err := P(&got).Scan(src); got != id || err != nil {
				t.Errorf("scanned from %T: got %s, error %v", src, got, err)
			}
		}
		if id.IsZero() != (id == zero) {
			t.Errorf("%s: got IsZero %t", id, id.IsZero())
		}
	}
	for _, bad := range []string{
		"", " ", "0", strings.Repeat("x", 36), strings.Repeat("0", 32), minted.String()[:35], minted.String() + "0", " " + minted.String()[1:],
		"{" + minted.String() + "}", "urn:uuid:" + minted.String(), "019b76da_a800-7000-8000-000000000000", "019b76da-a800-7000-8000-00000000000g",
		"019b76da-a8007-000-8000-000000000000", "\x00", "'; DROP TABLE wallets; --",
	} {
		got := minted
		if parsed, err := parse(bad); !errors.Is(err, wallet.ErrInvalid) || parsed != zero {
			t.Errorf("parsed %q: got %s, error %v", bad, parsed, err)
		}
		quoted := must(json.Marshal(bad))
		for how, err := range map[string]error{"text": P(&got).UnmarshalText([]byte(bad)), "JSON": json.Unmarshal(quoted, &got),
			"SQL": P(&got).Scan(bad), "SQL bytes": P(&got).Scan([]byte(bad))} {
			if !errors.Is(err, wallet.ErrInvalid) || got != minted {
				t.Errorf("%q from %s: got %s, error %v", bad, how, got, err)
			}
		}
	}
	for _, bad := range []any{nil, 7, int64(7), 1.5, true, time.Now(), make([]byte, 16), []byte(nil)} {
		got := minted
		if err := P(&got).Scan(bad); !errors.Is(err, wallet.ErrInvalid) || got != minted {
			t.Errorf("scanned from %v: got %s, error %v", bad, got, err)
		}
	}
}

// instants are within the years 1970 to 9999.
var instants = rapid.Custom(func(t *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()).Draw(t, "µs"))
})

// IDs are of version 7: they begin with their millisecond, and tell microseconds apart.
func TestMint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := instants.Draw(t, "at")
		id := wallet.MintTransactionID(wallet.TransactionID{}, at)
		b := id.Bytes()
		if b[6]>>4 != 7 || b[8]>>6 != 2 {
			t.Fatalf("%s is not of version 7", id)
		}
		ms := int64(0)
		for _, x := range b[:6] {
			ms = ms<<8 | int64(x)
		}
		if ms != at.UnixMilli() {
			t.Fatalf("%s begins with %d, want %d", id, ms, at.UnixMilli())
		}
		if id.Compare(wallet.FirstAt(at)) < 0 || id.Compare(wallet.FirstAt(at.Add(time.Microsecond))) >= 0 {
			t.Fatalf("%s is not within its microsecond", id)
		}
		if other := wallet.MintTransactionID(wallet.TransactionID{}, at); other == id {
			t.Fatalf("%s twice", id)
		}
	})
}

// However the clock goes, a wallet's IDs increase.
func TestMintIncreases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var last wallet.TransactionID
		at := instants.Draw(t, "start")
		for i := range rapid.IntRange(1, 50).Draw(t, "n") {
			next := wallet.MintTransactionID(last, at)
			a, b := last.Bytes(), next.Bytes()
			if i > 0 && (next.Compare(last) <= 0 || last.Compare(next) >= 0 || bytes.Compare(b[:], a[:]) <= 0) {
				t.Fatalf("%s comes after %s", next, last)
			}
			if next.Compare(next) != 0 || b[6]>>4 != 7 || b[8]>>6 != 2 {
				t.Fatalf("%s is malformed", next)
			}
			last = next
			at = rapid.OneOf(rapid.Just(at), instants, rapid.Just(at.Add(time.Microsecond))).Draw(t, "at")
		}
	})
}

// When a microsecond is full, the next one lends.
func TestMintOverflow(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 999_999_000, time.UTC)
	full := wallet.FirstAt(at).Bytes()
	full[7] |= 3    // the two topmost bits that are free
	full[8] |= 0x3f // behind the variant
	for i := 9; i < 16; i++ {
		full[i] = 0xff
	}
	var last wallet.TransactionID
	last.SetBytes(full)
	if next := wallet.FirstAt(at.Add(time.Microsecond)); last.Compare(next) >= 0 {
		t.Fatalf("%s is not within its microsecond, which ends before %s", last, next)
	}
	got := wallet.MintTransactionID(last, at)
	if got.Compare(last) <= 0 || got.Compare(wallet.FirstAt(at.Add(time.Microsecond))) < 0 {
		t.Errorf("got %s after %s", got, last)
	}
	if b := got.Bytes(); b[6]>>4 != 7 || b[8]>>6 != 2 {
		t.Errorf("%s is malformed", got)
	}
}

// A fee is covered by its type or by its metric.
func TestCovers(t *testing.T) {
	types := func(list ...wallet.FeeType) wallet.AppliesTo { return wallet.AppliesTo{FeeTypes: list} }
	metrics := func(list ...string) wallet.AppliesTo { return wallet.AppliesTo{Metrics: list} }
	both := wallet.AppliesTo{FeeTypes: []wallet.FeeType{wallet.FeeCharge}, Metrics: []string{"gpu"}}
	for _, test := range []struct {
		applies wallet.AppliesTo
		fee     wallet.Fee
		want    bool
	}{
		{wallet.AppliesTo{}, wallet.Fee{}, true},
		{wallet.AppliesTo{}, wallet.Fee{Type: "x", Metric: "y"}, true},
		{wallet.AppliesTo{FeeTypes: []wallet.FeeType{}, Metrics: []string{}}, wallet.Fee{Type: "x"}, true},
		{types("charge"), wallet.Fee{Type: "charge"}, true},
		{types("charge"), wallet.Fee{Type: "subscription"}, false},
		{types("charge"), wallet.Fee{}, false},
		{types("charge"), wallet.Fee{Metric: "charge"}, false},
		{types("charge", "commitment"), wallet.Fee{Type: "commitment"}, true},
		{metrics("gpu"), wallet.Fee{Metric: "gpu"}, true},
		{metrics("gpu"), wallet.Fee{Metric: "GPU"}, false},
		{metrics("gpu"), wallet.Fee{Type: "gpu"}, false},
		{metrics("gpu"), wallet.Fee{}, false},
		{both, wallet.Fee{Type: "charge", Metric: "cpu"}, true},
		{both, wallet.Fee{Type: "subscription", Metric: "gpu"}, true},
		{both, wallet.Fee{Type: "subscription", Metric: "cpu"}, false},
		{both, wallet.Fee{}, false},
	} {
		if got := test.applies.Covers(test.fee); got != test.want {
			t.Errorf("%+v covers %+v: got %t", test.applies, test.fee, got)
		}
	}
}

// What credits are worth is rounded half-even at 12 decimals.
func TestMoneyOfCredits(t *testing.T) {
	for _, test := range []struct{ rate, credits, want string }{
		{"1.123456", "100", "112.3456"}, {"0.5", "0", "0"}, {"0.000001", "0.0000005", "0"}, {"0.000001", "0.0000015", "0.000000000002"},
		{"0.000001", "0.000000500001", "0.000000000001"}, {"999999.999999", "0.000000000001", "0.000001"},
	} {
		w := wallet.Wallet{Rate: wallet.MustAmount(test.rate), Currency: "USD"}
		if got := w.Money(wallet.MustAmount(test.credits)); got.Amount.String() != test.want || got.Currency != "USD" {
			t.Errorf("%s credits at %s: got %s, want %s", test.credits, test.rate, got, test.want)
		}
	}
}

func TestBalance(t *testing.T) {
	a := wallet.MustAmount
	b := wallet.Balance{Spendable: a("1"), Held: a("2"), Pending: a("4"), Ongoing: a("8"), Consumed: a("16"), Kept: a("32")}
	if got := b.Net().String(); got != "-7" {
		t.Errorf("net: got %s, want -7", got)
	}
	if got := b.Total().String(); got != "35" {
		t.Errorf("total: got %s, want 35", got)
	}
}

func TestCollect(t *testing.T) {
	broken := errors.New("broken")
	got, err := wallet.Collect(func(yield func(int, error) bool) {
		if yield(1, nil) && yield(2, nil) && yield(0, broken) {
			t.Error("the sequence went on behind its error")
		}
	})
	if fmt.Sprint(got, err) != "[1 2] broken" {
		t.Errorf("got %v, error %v", got, err)
	}
	if got, err := wallet.Collect(func(func(int, error) bool) {}); len(got) != 0 || err != nil {
		t.Errorf("got %v, error %v of nothing", got, err)
	}
}

// Errors tell their sentinel, and what was found.
func TestErrors(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	invalid := new(wallet.InvalidError)
	if invalid.Err() != nil {
		t.Errorf("got error %v of nothing", invalid.Err())
	}
	invalid.Add("name", "a\nb", "has control characters")
	invalid.Add("fees[2].amount", "-1", "is negative")
	a := wallet.MustAmount
	for _, test := range []struct {
		err      error
		sentinel error
		want     string
	}{
		{invalid.Err(), wallet.ErrInvalid, `wallet: invalid request: name "a\nb" has control characters, fees[2].amount "-1" is negative`},
		{&wallet.NotPendingError{State: wallet.Settled, At: at}, wallet.ErrNotPending, "wallet: not pending: settled since 2026-01-02T02:04:05Z"},
		{&wallet.NotPendingError{State: wallet.Failed, At: at, Reason: "declined"}, wallet.ErrNotPending,
			"wallet: not pending: failed since 2026-01-02T02:04:05Z (declined)"},
		{&wallet.InsufficientError{Needed: a("7"), Available: a("5.5")}, wallet.ErrInsufficient, "wallet: insufficient credits: 7 credits needed, 5.5 available"},
		{&wallet.InsufficientError{Needed: a("7"), Available: a("5"), Currency: "USD", Wallet: must(wallet.ParseID("019b76da-a800-7000-8000-000000000000"))},
			wallet.ErrInsufficient, "wallet: insufficient credits: 7 USD needed, 5 available in wallet 019b76da-a800-7000-8000-000000000000"},
	} {
		wrapped := fmt.Errorf("host: %w", test.err)
		if got := test.err.Error(); got != test.want || !errors.Is(wrapped, test.sentinel) || errors.Is(wrapped, wallet.ErrLimit) {
			t.Errorf("got %q, want %q, which is %v", got, test.want, test.sentinel)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("019b76da-a800-7000-8000-000000000000")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := wallet.ParseID(s)
		if err == nil && !strings.EqualFold(id.String(), s) || err != nil && !errors.Is(err, wallet.ErrInvalid) {
			t.Errorf("%q: got %s, error %v", s, id, err)
		}
	})
}
