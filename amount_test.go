package wallet

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	_ encoding.TextAppender    = Amount{}
	_ encoding.TextMarshaler   = Amount{}
	_ encoding.TextUnmarshaler = (*Amount)(nil)
	_ json.Marshaler           = Amount{}
	_ json.Unmarshaler         = (*Amount)(nil)
	_ driver.Valuer            = Amount{}
	_ sql.Scanner              = (*Amount)(nil)
)

// The oracle is math/big. rat reads the representation itself, so that it does not depend on String.

func pow10Int(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func rat(a Amount) *big.Rat {
	if a.excess != nil {
		n := new(big.Int).Set(a.excess.Coeff.MathBigInt())
		if a.excess.Negative {
			n.Neg(n)
		}
		return new(big.Rat).SetFrac(n, pow10Int(-int(a.excess.Exponent)))
	}
	n := new(big.Int).Lsh(big.NewInt(a.hi), 64)
	n.Add(n, new(big.Int).SetUint64(a.lo))
	return new(big.Rat).SetFrac(n, pow10Int(places))
}

// isCanonical reports whether a is in the one representation of its value.
func isCanonical(a Amount) error {
	if a.excess == nil {
		return nil
	}
	if a.hi != 0 || a.lo != 0 || a.excess.Exponent > -places || a.excess.Coeff.Sign() <= 0 {
		return fmt.Errorf("malformed: %#v", a)
	}
	units := new(big.Rat).Mul(rat(a), new(big.Rat).SetInt(pow10Int(places)))
	if units.IsInt() {
		low := new(big.Int).Lsh(big.NewInt(-1), 127)
		high := new(big.Int).Sub(new(big.Int).Neg(low), big.NewInt(1))
		if units.Num().Cmp(low) >= 0 && units.Num().Cmp(high) <= 0 {
			return fmt.Errorf("%s fits in 128 bits but is not there", a)
		}
		if a.excess.Exponent != -places {
			return fmt.Errorf("%s has zeros after its last decimal", a)
		}
		return nil
	}
	if new(big.Int).Mod(a.excess.Coeff.MathBigInt(), big.NewInt(10)).Sign() == 0 {
		return fmt.Errorf("%s has zeros after its last decimal", a)
	}
	return nil
}

// roundRat rounds x by the book: the quotient toward zero of |x| × 10^decimals, then one more or not.
func roundRat(x *big.Rat, decimals int, r Rounding) *big.Rat {
	scale := new(big.Rat).SetInt(pow10Int(decimals))
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(x), scale)
	q := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	rest := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(q))
	half := rest.Cmp(big.NewRat(1, 2))
	if r == RoundUp && rest.Sign() > 0 || r == RoundHalfEven && (half > 0 || half == 0 && q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	if x.Sign() < 0 {
		q.Neg(q)
	}
	return new(big.Rat).Quo(new(big.Rat).SetInt(q), scale)
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func equal(t fataler, what string, got Amount, want *big.Rat) {
	t.Helper()
	if err := isCanonical(got); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if rat(got).Cmp(want) != 0 {
		t.Fatalf("%s = %s, want %s", what, got, want.RatString())
	}
}

// fromUnits makes an amount of n × 10^-scale, by arithmetic.
func fromUnits(n *big.Int, scale int) Amount {
	z := Amount{}
	for _, c := range new(big.Int).Abs(n).Text(10) {
		z = z.Mul(MustAmount("10")).Add(MustAmount(string(c)))
	}
	for ; scale >= places; scale -= places {
		z = z.Mul(MustAmount("0.000000000001"))
	}
	z = z.Mul(MustAmount("0." + strings.Repeat("0", max(scale-1, 0)) + "1"))
	if scale == 0 {
		z = z.Mul(MustAmount("10"))
	}
	if n.Sign() < 0 {
		return z.Neg()
	}
	return z
}

var edges = func() (edges []Amount) {
	for _, s := range []string{
		"0", "0.000000000001", "0.000000000002", "0.000000000003", "0.5", "1", "1.5", "2", "2.5", "3", "7", "10", "0.1", "0.01",
		"1000000000000", "999999.999999", "0.000001", "999999999999999999.999999999999", "999999999999999999", "499999999999999999.999999999999",
		"18446744073709551.615", "18446744.073709551615", "18446744.073709551616", "18446744.073709551617", "9223372.036854775807", "9223372.036854775808",
	} {
		edges = append(edges, MustAmount(s), MustAmount(s).Neg())
	}
	for _, bitLen := range []uint{64, 127, 128, 167, 256} {
		for _, d := range []int64{-1, 0, 1} {
			n := new(big.Int).Lsh(big.NewInt(1), bitLen)
			n.Add(n, big.NewInt(d))
			for _, scale := range []int{0, 12, 24} {
				a := fromUnits(n, scale)
				edges = append(edges, a, a.Neg())
			}
		}
	}
	return edges
}()

func recordable() *rapid.Generator[Amount] {
	return rapid.Custom(func(t *rapid.T) Amount {
		whole := rapid.Uint64Max(1e18-1).Draw(t, "whole")
		frac := rapid.Uint64Max(1e12-1).Draw(t, "frac")
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		return MustAmount(fmt.Sprintf("%s%d.%012d", sign, whole, frac))
	})
}

func amounts() *rapid.Generator[Amount] {
	wide := rapid.Custom(func(t *rapid.T) Amount {
		b := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "coefficient")
		a := fromUnits(new(big.Int).SetBytes(b), rapid.IntRange(0, 40).Draw(t, "scale"))
		if rapid.Bool().Draw(t, "negative") {
			return a.Neg()
		}
		return a
	})
	cents := rapid.Map(rapid.Int64(), func(n int64) Amount { a, _ := NewAmount(n, 2); return a })
	return rapid.OneOf(recordable(), rapid.SampledFrom(edges), cents, wide)
}

func roundings() *rapid.Generator[Rounding] {
	return rapid.SampledFrom([]Rounding{RoundDown, RoundUp, RoundHalfEven})
}

// checkOps compares every operation on a and b with math/big.
func checkOps(t fataler, a, b Amount, decimals int, r Rounding) {
	t.Helper()
	x, y := rat(a), rat(b)
	name := func(op string) string { return fmt.Sprintf("%s(%s, %s, %d, %s)", op, a, b, decimals, r) }
	equal(t, name("Add"), a.Add(b), new(big.Rat).Add(x, y))
	equal(t, name("Sub"), a.Sub(b), new(big.Rat).Sub(x, y))
	equal(t, name("Mul"), a.Mul(b), new(big.Rat).Mul(x, y))
	equal(t, name("Neg"), a.Neg(), new(big.Rat).Neg(x))
	equal(t, name("Round"), a.Round(decimals, r), roundRat(x, decimals, r))
	equal(t, name("Round beyond"), a.Round(decimals+places, r), roundRat(x, decimals+places, r))
	lesser, greater := x, y
	if x.Cmp(y) > 0 {
		lesser, greater = y, x
	}
	equal(t, name("Min"), a.Min(b), lesser)
	equal(t, name("Max"), a.Max(b), greater)
	if got, want := a.Cmp(b), x.Cmp(y); got != want || a.Equal(b) != (want == 0) || b.Cmp(a) != -want {
		t.Fatalf("%s = %d, want %d", name("Cmp"), got, want)
	}
	if got, want := a.Sign(), x.Sign(); got != want || a.IsZero() != (want == 0) {
		t.Fatalf("%s.Sign() = %d, want %d", a, got, want)
	}
	q, err := a.QuoRound(b, decimals, r)
	if y.Sign() == 0 {
		if !errors.Is(err, ErrInvalid) {
			t.Fatalf("%s: error %v, want ErrInvalid", name("QuoRound"), err)
		}
	} else if err != nil {
		t.Fatalf("%s: %v", name("QuoRound"), err)
	} else {
		equal(t, name("QuoRound"), q, roundRat(new(big.Rat).Quo(x, y), decimals, r))
	}
	units := new(big.Rat).Mul(x, new(big.Rat).SetInt(pow10Int(places)))
	fits := units.IsInt() && new(big.Int).Abs(units.Num()).Cmp(pow10Int(digits+places)) < 0
	if a.Fits() != fits {
		t.Fatalf("%s.Fits() = %t", a, !fits)
	}
}

// checkText checks that a is written in the one way, and read back if it is within the limits.
func checkText(t fataler, a Amount) {
	t.Helper()
	s := a.String()
	x, ok := new(big.Rat).SetString(s)
	if !ok || x.Cmp(rat(a)) != 0 {
		t.Fatalf("String of %s = %q", rat(a).RatString(), s)
	}
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if strings.Trim(whole+frac, "0123456789") != "" || point && (frac == "" || strings.HasSuffix(frac, "0")) ||
		len(whole) > 1 && whole[0] == '0' || whole == "" || s == "-0" {
		t.Fatalf("String %q is not canonical", s)
	}
	j, err := json.Marshal(a)
	if err != nil || string(j) != `"`+s+`"` {
		t.Fatalf("JSON of %s = %s, %v", s, j, err)
	}
	v, err := a.Value()
	if !a.Fits() {
		if !errors.Is(err, ErrLimit) {
			t.Fatalf("Value of %s = %v, %v, want ErrLimit", s, v, err)
		}
		return
	}
	var fromText, fromJSON, fromSQL Amount
	for _, err := range []error{err, fromText.UnmarshalText([]byte(s)), json.Unmarshal(j, &fromJSON), fromSQL.Scan(v)} {
		if err != nil {
			t.Fatalf("codec of %s: %v", s, err)
		}
	}
	for _, back := range []Amount{fromText, fromJSON, fromSQL} {
		equal(t, "decoded "+s, back, rat(a))
	}
}

// Arithmetic is exact, and only Round and QuoRound lose digits (3.1).
func TestAmountIsExact(t *testing.T) {
	for _, a := range edges {
		checkText(t, a)
		for i, b := range edges {
			checkOps(t, a, b, i%(places+1), Rounding(i%3))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		checkText(t, a)
		checkOps(t, a, b, rapid.IntRange(0, places).Draw(t, "decimals"), roundings().Draw(t, "rounding"))
	})
}

// A quotient that is a tie, or next to one, goes the way the Rounding says.
func TestAmountRoundsTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := recordable().Draw(t, "b")
		decimals := rapid.IntRange(0, places).Draw(t, "decimals")
		ties := MustAmount("0.5")
		for range decimals {
			ties = ties.Mul(MustAmount("0.1"))
		}
		ties = ties.Mul(MustAmount(fmt.Sprint(rapid.Uint32().Draw(t, "halves"))))
		near := MustAmount(rapid.SampledFrom([]string{"0", "0.000000000001", "-0.000000000001"}).Draw(t, "near"))
		a := ties.Mul(b).Add(near)
		r := roundings().Draw(t, "rounding")
		checkOps(t, a, b, decimals, r)
		checkOps(t, ties.Add(near), b, decimals, r)
	})
}

// The fast ways see where a product or a quotient leaves their words, at the very word.
func TestAmountLeavesItsWords(t *testing.T) {
	words := func(hi, lo uint64) *big.Int {
		n := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
		return n.Add(n, new(big.Int).SetUint64(lo))
	}
	both := func(a, b *big.Int) {
		checkOps(t, fromUnits(a, places), fromUnits(b, places), 0, RoundUp)
		checkOps(t, fromUnits(b, places), fromUnits(a, places), 0, RoundUp)
	}
	both(words(1<<32, 0), words(1<<33, 0))
	for _, hi := range [][2]uint64{{1<<32 - 1, 1 << 32}, {1<<31 - 1, 1<<33 + 3}} { // products of just more than 2^192, by a carry
		a, b, mod := words(hi[0], math.MaxUint64), words(hi[1], math.MaxUint64), pow10Int(places)
		for new(big.Int).ModInverse(b, mod) == nil {
			b.Sub(b, big.NewInt(1))
		}
		rest := new(big.Int).ModInverse(b, mod) // of a, so that the product less 2^192 divides by 10^12
		rest.Mul(rest, words(0, 1).Lsh(words(0, 1), 192))
		a.Sub(a, new(big.Int).Mod(new(big.Int).Sub(a, rest), mod))
		both(a, b)
	}
	for b := int64(3e11); ; b++ { // a quotient of 2^128 - 1 and a fraction, rounded up
		a, rest := new(big.Int).QuoRem(new(big.Int).Lsh(big.NewInt(b), 128), pow10Int(places), new(big.Int))
		if rest.Sign() > 0 && rest.Cmp(big.NewInt(b)) < 0 {
			checkOps(t, fromUnits(a, places), fromUnits(big.NewInt(b), places), 12, RoundUp)
			return
		}
	}
}

// Intermediate results are unlimited (3.1), beyond apd's own limit of 100,000 digits too.
func TestAmountIsUnlimited(t *testing.T) {
	big1, small := MustAmount("999999999999999999.999999999999"), MustAmount("0.000000000001")
	x, y := rat(big1), rat(small)
	a, b := big1, small
	for range 13 {
		a, b = a.Mul(a), b.Mul(b)
		x.Mul(x, x)
		y.Mul(y, y)
	}
	equal(t, "big^(2^13)", a, x)
	equal(t, "small^(2^13)", b, y)
	equal(t, "their sum", a.Add(b), new(big.Rat).Add(x, y))
	equal(t, "their sum less one", a.Add(b).Sub(a), y)
	if a.Cmp(b) != 1 || b.Cmp(a.Neg()) != 1 {
		t.Error("Cmp of huge amounts")
	}
	if s := b.String(); len(s) != len("0.")+places<<13 || !strings.HasSuffix(s, "01") {
		t.Errorf("String of 10^-%d has %d bytes", places<<13, len(s))
	}
	equal(t, "rounded up", b.Round(12, RoundUp), rat(small))
	if q, err := a.QuoRound(a, 12, RoundHalfEven); err != nil || !q.Equal(MustAmount("1")) {
		t.Errorf("a ÷ a = %s, %v", q, err)
	}
}

// However the terms of a sum are ordered and grouped, it is the same amount: the excess is left without a trace.
func TestAmountAddsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfN(amounts(), 2, 8).Draw(t, "terms")
		var forward, backward Amount
		for _, a := range terms {
			forward = forward.Add(a)
		}
		slices.Reverse(terms)
		for _, a := range terms {
			backward = backward.Sub(a)
		}
		equal(t, "sum", forward, rat(backward.Neg()))
		equal(t, "sum less itself", forward.Add(backward), new(big.Rat))
		if !reflect.DeepEqual(forward.Add(backward), Amount{}) {
			t.Fatalf("zero has two representations")
		}
	})
}

// An Amount is three words, and == does not compile: a type with == is comparable.
func TestAmountShape(t *testing.T) {
	typ := reflect.TypeFor[Amount]()
	if typ.Comparable() {
		t.Error("== compiles")
	}
	if got := typ.Size(); math.MaxInt > math.MaxInt32 && got != 24 {
		t.Errorf("an Amount is %d bytes, want 24", got)
	}
}

func TestNewAmount(t *testing.T) {
	for _, tt := range []struct {
		n        int64
		decimals int
		want     string // "" is ErrInvalid
	}{
		{0, 0, "0"}, {0, 12, "0"}, {1250, 2, "12.5"}, {-1250, 2, "-12.5"}, {1, 12, "0.000000000001"}, {-1, 12, "-0.000000000001"},
		{999999999999999999, 0, "999999999999999999"}, {-999999999999999999, 0, "-999999999999999999"},
		{math.MaxInt64, 1, "922337203685477580.7"}, {math.MinInt64, 1, "-922337203685477580.8"}, {math.MinInt64, 12, "-9223372.036854775808"},
		{1000000000000000000, 0, ""}, {-1000000000000000000, 0, ""}, {math.MaxInt64, 0, ""}, {math.MinInt64, 0, ""}, {1, -1, ""}, {1, 13, ""}, {0, math.MinInt, ""},
	} {
		got, err := NewAmount(tt.n, tt.decimals)
		if tt.want == "" {
			if !errors.Is(err, ErrInvalid) || !got.IsZero() {
				t.Errorf("NewAmount(%d, %d) = %s, %v, want ErrInvalid", tt.n, tt.decimals, got, err)
			}
		} else if err != nil || got.String() != tt.want {
			t.Errorf("NewAmount(%d, %d) = %s, %v, want %s", tt.n, tt.decimals, got, err, tt.want)
		} else if n, ok := got.Int64(tt.decimals); n != tt.n || !ok {
			t.Errorf("(%s).Int64(%d) = %d, %t", got, tt.decimals, n, ok)
		}
	}
	for _, tt := range []struct {
		a        Amount
		decimals int
	}{
		{MustAmount("0.25"), 1}, {MustAmount("-0.000000000001"), 11}, {MustAmount("9223372.036854775808"), 12}, {MustAmount("-9223372.036854775809"), 12},
		{MustAmount("999999999999999999.999999999999"), 12}, {MustAmount("0.000000000001").Mul(MustAmount("0.1")), 12}, {MustAmount("1"), -1}, {MustAmount("1"), 13},
	} {
		if n, ok := tt.a.Int64(tt.decimals); n != 0 || ok {
			t.Errorf("(%s).Int64(%d) = %d, %t", tt.a, tt.decimals, n, ok)
		}
	}
}

var parsed = map[string]string{
	"0": "0", "-0": "0", "+0": "0", "-0.000000000000": "0", "00": "0", "007": "7", "+7": "7", "1.50": "1.5", "-12.5": "-12.5", "0.1": "0.1",
	"999999999999999999.999999999999": "999999999999999999.999999999999", "-999999999999999999.999999999999": "-999999999999999999.999999999999",
	"0.000000000001": "0.000000000001", "000000000000000001.000000000000": "1", "1.000000000000": "1", "100": "100", "1.01": "1.01",
}

var refused = []string{
	"", "+", "-", "+-1", "--1", ".", ".5", "-.5", "5.", "+5.", "1..2", "1.2.3", "1,5", "1,000", "1_000", " 1", "1 ", "1\n", "\t1", "1 000",
	"NaN", "nan", "-NaN", "sNaN", "Infinity", "-Infinity", "Inf", "+inf", "∞", "1e4", "1E4", "1e400", "1e-4", "0x1", "0b1", "1/2", "½", "١", "１",
	"1.0000000000000", "0.0000000000001", "1000000000000000000", "0000000000000000001", "-1000000000000000000.0", "1.-5", "1.+5", "1-", "\x00", "1\x00", "\"1\"", "true", "null", "$1", "1%",
}

// TestUnits: what are units of 10⁻¹² is told and taken as such, and nothing else.
func TestUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		hi, lo, ok := a.Units()
		if back := UnitsAmount(hi, lo); ok != back.Equal(a) || a.Fits() && !ok || !ok && !back.IsZero() {
			t.Fatalf("(%s).Units() = %d, %d, %t", a, hi, lo, ok)
		}
	})
	if hi, lo, ok := MustAmount("-0.000000000002").Units(); hi != -1 || lo != math.MaxUint64-1 || !ok {
		t.Errorf("Units() = %d, %d, %t", hi, lo, ok)
	}
}

func TestParseAmount(t *testing.T) {
	for s, want := range parsed {
		if got, err := ParseAmount(s); err != nil || got.String() != want {
			t.Errorf("ParseAmount(%q) = %s, %v, want %s", s, got, err, want)
		}
	}
	for _, s := range refused {
		a, err := ParseAmount(s)
		var e *InvalidError
		if !a.IsZero() || !errors.Is(err, ErrInvalid) || !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Field != "amount" || e.Fields[0].Value != s {
			t.Errorf("ParseAmount(%q) = %s, %v, want ErrInvalid", s, a, err)
		}
	}
}

func TestMustAmount(t *testing.T) {
	_, err := ParseAmount("1e4")
	defer func() {
		if got := recover(); got != err.Error() {
			t.Errorf("panic %v, want %v", got, err)
		}
	}()
	MustAmount("1e4")
}

// No decoder takes what is not an amount, and none touches its receiver then.
func TestAmountDecodersRefuse(t *testing.T) {
	decoders := map[string]func(*Amount) error{}
	for _, s := range refused {
		quoted, _ := json.Marshal(s)
		decoders["text "+s] = func(a *Amount) error { return a.UnmarshalText([]byte(s)) }
		decoders["json "+s] = func(a *Amount) error { return a.UnmarshalJSON(quoted) }
		decoders["scan "+s] = func(a *Amount) error { return a.Scan(s) }
		decoders["scan bytes "+s] = func(a *Amount) error { return a.Scan([]byte(s)) }
	}
	for _, s := range []string{``, `"`, `1`, `1.5`, `null`, `true`, `{}`, `["1"]`, `"1`, `1"`, `"1""`, `"\"`, `"1\"`, `"\u00"`, `'1'`, ` "1"`, `"\u0031\ud800"`} {
		decoders["raw json "+s] = func(a *Amount) error { return a.UnmarshalJSON([]byte(s)) }
	}
	for _, v := range []any{nil, 1.5, math.NaN(), math.Inf(1), float32(1), true, 7, uint64(7), int64(math.MaxInt64), int64(1e18), []byte(nil), new(string)} {
		decoders[fmt.Sprintf("scan %T %v", v, v)] = func(a *Amount) error { return a.Scan(v) }
	}
	for name, decode := range decoders {
		a := MustAmount("42.5")
		if err := decode(&a); !errors.Is(err, ErrInvalid) || a.String() != "42.5" {
			t.Errorf("%s: %v, and the receiver is %s", name, err, a)
		}
	}
	var field struct{ A Amount }
	for _, s := range []string{`{"A":null}`, `{"A":1}`, `{"A":1e3}`, `{"A":""}`} {
		if err := json.Unmarshal([]byte(s), &field); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", s, err)
		}
	}
}

func TestAmountDecoders(t *testing.T) {
	var a Amount
	for want, decode := range map[string]func() error{
		"-1.5": func() error { return a.UnmarshalJSON([]byte(`"-1.50"`)) },
		"1.5":  func() error { return a.UnmarshalJSON([]byte(`"\u0031\u002e5"`)) },
		"-12":  func() error { return a.Scan(int64(-12)) },
		"3":    func() error { return a.Scan([]byte("3.000000000000")) },
		"0.25": func() error { return a.UnmarshalText([]byte("+0.25")) },
	} {
		if err := decode(); err != nil || a.String() != want {
			t.Errorf("decoded %s, %v, want %s", a, err, want)
		}
	}
	b, err := MustAmount("-0.05").AppendText([]byte("100"))
	if err != nil || string(b) != "100-0.05" {
		t.Errorf("AppendText = %q, %v", b, err)
	}
	if b, _ = MustAmount("20").AppendText([]byte("x=")); string(b) != "x=20" {
		t.Errorf("AppendText = %q", b)
	}
}

func TestQuoRoundRefuses(t *testing.T) {
	for _, tt := range []struct {
		b        string
		decimals int
	}{{"0", 2}, {"1", -1}, {"1", 13}, {"0", 99}, {"1", math.MinInt}} {
		if z, err := MustAmount("1").QuoRound(MustAmount(tt.b), tt.decimals, RoundUp); !errors.Is(err, ErrInvalid) || !z.IsZero() {
			t.Errorf("1 ÷ %s at %d = %s, %v, want ErrInvalid", tt.b, tt.decimals, z, err)
		}
	}
}

func TestRounding(t *testing.T) {
	for _, tt := range []struct {
		in             string
		decimals       int
		down, up, even string
	}{
		{"2.5", 0, "2", "3", "2"}, {"3.5", 0, "3", "4", "4"}, {"-2.5", 0, "-2", "-3", "-2"}, {"-3.5", 0, "-3", "-4", "-4"},
		{"0.005", 2, "0", "0.01", "0"}, {"0.015", 2, "0.01", "0.02", "0.02"}, {"-0.4", -3, "0", "-1", "0"}, {"1.25", 9, "1.25", "1.25", "1.25"},
		{"7", math.MinInt, "7", "7", "7"}, {"7.5", math.MaxInt, "7.5", "7.5", "7.5"},
	} {
		a := MustAmount(tt.in)
		for r, want := range []string{tt.down, tt.up, tt.even} {
			if got := a.Round(tt.decimals, Rounding(r)).String(); got != want {
				t.Errorf("%s.Round(%d, %s) = %s, want %s", tt.in, tt.decimals, Rounding(r), got, want)
			}
		}
	}
	if got := fmt.Sprint(RoundDown, RoundUp, RoundHalfEven, Rounding(9)); got != "down up half_even Rounding(9)" {
		t.Error(got)
	}
	if RoundDown != 0 {
		t.Error("the zero Rounding is not RoundDown")
	}
}

// Nothing that stays within the limits allocates but a string that is returned.
func TestAmountDoesNotAllocate(t *testing.T) {
	a, b := MustAmount("123456789.123456"), MustAmount("-0.75")
	text, buf := []byte("123456789.123456"), make([]byte, 0, 64)
	quoted := []byte(`"123456789.123456"`)
	var sink Amount
	var n int
	for name, op := range map[string]func(){
		"Add":           func() { sink = a.Add(b) },
		"Sub":           func() { sink = a.Sub(b) },
		"Mul":           func() { sink = a.Mul(b) },
		"Neg":           func() { sink = a.Neg() },
		"QuoRound":      func() { sink, _ = a.QuoRound(b, 12, RoundHalfEven) },
		"Round":         func() { sink = a.Round(2, RoundUp) },
		"Cmp":           func() { n = a.Cmp(b) },
		"Min":           func() { sink = a.Min(b) },
		"Sign":          func() { n = a.Sign() },
		"NewAmount":     func() { sink, _ = NewAmount(1250, 2) },
		"ParseAmount":   func() { sink, _ = ParseAmount("123456789.123456") },
		"UnmarshalText": func() { _ = sink.UnmarshalText(text) },
		"UnmarshalJSON": func() { _ = sink.UnmarshalJSON(quoted) },
		"AppendText":    func() { buf, _ = a.AppendText(buf[:0]) },
		"Minor":         func() { _, _ = Money{a, "USD"}.Minor() },
	} {
		if got := testing.AllocsPerRun(100, op); got != 0 {
			t.Errorf("%s allocates %v times", name, got)
		}
	}
	_, _ = sink, n
	if got := testing.AllocsPerRun(100, func() { _ = a.String() }); got > 1 {
		t.Errorf("String allocates %v times", got)
	}
}

func TestCurrency(t *testing.T) {
	for c, want := range map[Currency]int{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4, "UYW": 4, "BHD": 3, "KRW": 0, "HUF": 2, "UYI": 0, "ZWG": 2, "XOF": 0, "TND": 3} {
		if got, ok := c.Decimals(); got != want || !ok || !c.Valid() {
			t.Errorf("%s has %d decimals, %t, want %d", c, got, ok, want)
		}
	}
	for _, c := range []Currency{"", "usd", "US", "USDT", "XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA", "HRK", "ZWL", "DEM", " USD"} {
		if _, ok := c.Decimals(); ok || c.Valid() {
			t.Errorf("%q is a currency", c)
		}
	}
	count := map[int]int{}
	for i := range 26 * 26 * 26 {
		c := Currency([]byte{byte('A' + i/676), byte('A' + i/26%26), byte('A' + i%26)})
		if n, ok := c.Decimals(); ok {
			count[n]++
		}
	}
	if want := map[int]int{0: 17, 2: 141, 3: 7, 4: 2}; !reflect.DeepEqual(count, want) {
		t.Errorf("currencies by decimals: %v, want %v", count, want)
	}
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct {
		minor int64
		c     Currency
		want  string
	}{
		{1250, "USD", "12.5 USD"}, {-1, "KWD", "-0.001 KWD"}, {7, "JPY", "7 JPY"}, {math.MinInt64, "USD", "-92233720368547758.08 USD"},
		{1, "usd", ""}, {1, "", ""}, {1, "XXX", ""}, {math.MaxInt64, "JPY", ""},
	} {
		m, err := NewMoney(tt.minor, tt.c)
		if tt.want == "" {
			if !errors.Is(err, ErrInvalid) || m.Currency != "" || !m.Amount.IsZero() {
				t.Errorf("NewMoney(%d, %q) = %s, %v, want ErrInvalid", tt.minor, tt.c, m, err)
			}
			continue
		}
		if err != nil || m.String() != tt.want {
			t.Errorf("NewMoney(%d, %q) = %s, %v, want %s", tt.minor, tt.c, m, err, tt.want)
		}
		if n, exact := m.Minor(); n != tt.minor || !exact {
			t.Errorf("(%s).Minor() = %d, %t", m, n, exact)
		}
	}
	huge := MustAmount("999999999999999999")
	for _, tt := range []struct {
		amount Amount
		c      Currency
		n      int64
		exact  bool
	}{
		{MustAmount("12.345"), "USD", 1234, false}, {MustAmount("-12.345"), "USD", -1234, false}, {MustAmount("12.345"), "KWD", 12345, true},
		{MustAmount("0.999999999999"), "JPY", 0, false}, {Amount{}, "USD", 0, true}, {Amount{}, "???", 0, false}, {MustAmount("5"), "", 0, false},
		{huge, "JPY", 999999999999999999, true}, {huge, "USD", 0, false}, {huge.Neg(), "USD", 0, false}, {huge.Mul(huge), "JPY", 0, false},
		{MustAmount("92233720368547758.07"), "USD", math.MaxInt64, true}, {MustAmount("92233720368547758.08"), "USD", 0, false},
		{MustAmount("92233720368547758.079"), "USD", math.MaxInt64, false},
		{MustAmount("-92233720368547758.08"), "USD", math.MinInt64, true}, {MustAmount("-92233720368547758.09"), "USD", 0, false},
		{MustAmount("184467440737095516.16"), "USD", 0, false},
		{MustAmount("1.5").Add(MustAmount("0.000000000001").Mul(MustAmount("0.1"))), "USD", 150, false},
	} {
		if n, exact := (Money{tt.amount, tt.c}).Minor(); n != tt.n || exact != tt.exact {
			t.Errorf("(%s %s).Minor() = %d, %t, want %d, %t", tt.amount, tt.c, n, exact, tt.n, tt.exact)
		}
	}
	j, err := json.Marshal(Money{MustAmount("12.50"), "USD"})
	if want := `{"amount":"12.5","currency":"USD"}`; err != nil || string(j) != want {
		t.Errorf("JSON = %s, %v, want %s", j, err, want)
	}
}

func FuzzParseAmount(f *testing.F) {
	for s := range parsed {
		f.Add(s)
	}
	for _, s := range refused {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sign := strings.TrimPrefix(s, "-")
		if sign == s {
			sign = strings.TrimPrefix(s, "+")
		}
		whole, frac, point := strings.Cut(sign, ".")
		all := func(s string, most int) bool {
			return 0 < len(s) && len(s) <= most && strings.Trim(s, "0123456789") == ""
		}
		want := all(whole, digits) && (!point || all(frac, places))
		a, err := ParseAmount(s)
		if want != (err == nil) || !want && !errors.Is(err, ErrInvalid) {
			t.Fatalf("ParseAmount(%q) = %s, %v", s, a, err)
		}
		if !want {
			return
		}
		x, _ := new(big.Rat).SetString(s)
		equal(t, s, a, x)
		checkText(t, a)
	})
}

// FuzzAmountOps reaches results by two routes: Amount's and math/big's, and where algebra offers one, by a third.
func FuzzAmountOps(f *testing.F) {
	f.Add([]byte{1}, []byte{3}, uint8(12), uint8(12), uint8(12), uint8(1), false)
	f.Add([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []byte{1}, uint8(12), uint8(0), uint8(0), uint8(2), true)
	f.Add([]byte("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte{0x80, 0, 0, 0, 0, 0, 0, 0}, uint8(12), uint8(12), uint8(2), uint8(0), true)
	f.Fuzz(func(t *testing.T, m, n []byte, mScale, nScale, decimals, rounding uint8, negative bool) {
		if len(m) > 64 || len(n) > 64 {
			return
		}
		a := fromUnits(new(big.Int).SetBytes(m), int(mScale%64))
		b := fromUnits(new(big.Int).SetBytes(n), int(nScale%64))
		if negative {
			a = a.Neg()
		}
		d, r := int(decimals%(places+1)), Rounding(rounding%3)
		checkOps(t, a, b, d, r)
		checkOps(t, b.Neg(), a, d, r)
		checkText(t, a)
		if got, want := a.Add(b).Mul(a.Sub(b)), a.Mul(a).Sub(b.Mul(b)); !got.Equal(want) {
			t.Fatalf("(a+b)(a-b) = %s, a²-b² = %s", got, want)
		}
		if down, err := a.QuoRound(b, d, RoundDown); err == nil {
			up, _ := a.QuoRound(b, d, RoundUp)
			even, _ := a.QuoRound(b, d, RoundHalfEven)
			if !even.Equal(down) && !even.Equal(up) {
				t.Fatalf("%s ÷ %s is %s or %s, rounded to %s", a, b, down, up, even)
			}
		}
	})
}

func FuzzAmountJSON(f *testing.F) {
	for _, s := range append(refused, "1", "-1.5") {
		f.Add([]byte(s))
		quoted, _ := json.Marshal(s)
		f.Add(quoted)
	}
	f.Add([]byte(`"\u0031"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := MustAmount("42.5")
		a := kept
		err := json.Unmarshal(data, &a)
		var v any
		want := kept
		ok := json.Unmarshal(data, &v) == nil
		if s, isString := v.(string); ok && isString {
			var parseErr error
			if want, parseErr = ParseAmount(s); parseErr != nil {
				ok, want = false, kept
			}
		} else {
			ok = false
		}
		if ok != (err == nil) || !a.Equal(want) {
			t.Fatalf("%q: %s, %v, want %s", data, a, err, want)
		}
		if a = kept; a.UnmarshalJSON(data) == nil {
			checkText(t, a)
		} else if !a.Equal(kept) {
			t.Fatalf("%q: a failure left %s", data, a)
		}
	})
}

func BenchmarkAmount(b *testing.B) {
	x, y := MustAmount("123456789.123456"), MustAmount("0.75")
	rate, fine := MustAmount("3.141593"), MustAmount("12345.678901234567")
	vast := MustAmount("987654321987.65")
	buf := make([]byte, 0, 64)
	var z Amount
	var n int
	for _, bench := range []struct {
		name string
		op   func()
	}{
		{"Nothing", func() { z = x }},
		{"Add", func() { z = x.Add(y) }},
		{"Sub", func() { z = x.Sub(y) }},
		{"Cmp", func() { n = x.Cmp(y) }},
		{"Mul", func() { z = x.Mul(y) }},
		{"Mul/excess", func() { z = fine.Mul(rate) }},
		{"Mul/excess rounded", func() { z = fine.Mul(rate).Round(12, RoundHalfEven) }},
		{"QuoRound", func() { z, _ = x.QuoRound(rate, 12, RoundUp) }},
		{"QuoRound/vast", func() { z, _ = x.QuoRound(vast, 12, RoundUp) }},
		{"Round", func() { z = x.Round(2, RoundHalfEven) }},
		{"Parse", func() { z, _ = ParseAmount("123456789.123456") }},
		{"AppendText", func() { buf, _ = x.AppendText(buf[:0]) }},
		{"UnmarshalJSON", func() { _ = z.UnmarshalJSON([]byte(`"123456789.123456"`)) }},
		{"Decimals", func() { n, _ = Currency("USD").Decimals() }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.op()
			}
		})
	}
	_, _ = z, n
}
