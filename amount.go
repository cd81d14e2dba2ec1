package wallet

import (
	"bytes"
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// Amount is an exact, immutable decimal: credits, or money without its currency. The zero value is 0.
//
// Representation: a signed 128-bit count of units of 10⁻¹² where the value is one, and beyond that a decimal without limits
// on the heap. Which of the two is not visible, only the first does not allocate. An Amount is 24 bytes, to be passed by value.
//
// Limits: an amount that is given or recorded has at most 18 digits before the point and 12 after it; [Amount.Fits] tells.
// Results of arithmetic have no limit but memory.
//
// Conversions: [NewAmount], [ParseAmount] and [MustAmount] make an amount, [Amount.String] writes it in plain notation, in
// the one way that has no trailing zeros, no exponent, no plus and no "-0". JSON and SQL carry it as that string; neither
// null, nor NULL, nor a floating-point number is an amount.
//
// Operations: [Amount.Add], [Amount.Sub] and [Amount.Mul] are exact. Compare with [Amount.Cmp] and [Amount.Equal]; == does
// not compile.
//
// Rounding: only [Amount.Round] and [Amount.QuoRound], the one division, lose digits, the way a [Rounding] says.
//
// Errors: what is no amount, or not within the limits, is [ErrInvalid]; writing to SQL what is beyond them is [ErrLimit].
type Amount struct {
	_      [0]func()    // no ==; first, where it takes no room
	hi     int64        // with lo: units of 10⁻¹², two's complement, if excess is nil
	lo     uint64       //
	excess *apd.Decimal // never changed, never 0; not a multiple of 10⁻¹² or too large for hi and lo, which are 0; Exponent ≤ -places
}

const (
	digits = 18   // most before the point
	places = 12   // most after the point
	one    = 1e12 // units
)

// tens are the powers of ten that a word holds.
var tens = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 10 * t[i-1]
	}
	return t
}()

// NewAmount returns n × 10^-decimals, for 0 to 12 decimals: NewAmount(1250, 2) is 12.5. Other decimals, and amounts of more
// than 18 digits before the point, are [ErrInvalid].
func NewAmount(n int64, decimals int) (Amount, error) {
	if err := checkDecimals(decimals); err != nil {
		return Amount{}, err
	}
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	hi, lo := bits.Mul64(u, tens[places-decimals])
	a, _ := signed(n < 0, hi, lo)
	if !a.Fits() {
		return Amount{}, invalid("amount", strconv.FormatInt(n, 10), "has more than 18 digits before the point")
	}
	return a, nil
}

// Int64 returns a × 10^decimals, for 0 to 12 decimals, if that is an int64: what [NewAmount] takes. Else it returns 0 and false.
func (a Amount) Int64(decimals int) (n int64, ok bool) {
	if a.excess != nil || checkDecimals(decimals) != nil {
		return 0, false
	}
	if decimals < places {
		neg, hi, lo := a.magnitude()
		hi, lo, rem, _ := div(0, hi, lo, tens[places-decimals])
		if rem != 0 {
			return 0, false
		}
		a, _ = signed(neg, hi, lo)
	}
	if n = int64(a.lo); a.hi != n>>63 {
		return 0, false
	}
	return n, true
}

// UnitsAmount returns the amount of so many units of 10⁻¹², a 128-bit number in two's complement. It is the inverse of
// [Amount.Units].
func UnitsAmount(hi int64, lo uint64) Amount { return Amount{hi: hi, lo: lo} }

// Units returns a in units of 10⁻¹², as a 128-bit number in two's complement, if it is one: as every amount that
// [Amount.Fits]. Else it returns 0 and false.
func (a Amount) Units() (hi int64, lo uint64, ok bool) { return a.hi, a.lo, a.excess == nil }

// ParseAmount reads an optional sign, 1 to 18 digits and, optionally, a point and 1 to 12 digits. Leading and trailing zeros
// count. Everything else is [ErrInvalid].
func ParseAmount(s string) (Amount, error) { return parse(s) }

// MustAmount is [ParseAmount] for constants: it panics where that returns an error.
func MustAmount(s string) Amount {
	a, err := ParseAmount(s)
	if err != nil {
		panic(err.Error())
	}
	return a
}

func parse[T string | []byte](s T) (Amount, error) {
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	run := func(most int) (n uint64, count int) {
		for ; i < len(s) && count < most && s[i]-'0' <= 9; i++ {
			n = 10*n + uint64(s[i]-'0')
			count++
		}
		return n, count
	}
	whole, before := run(digits)
	frac, after := uint64(0), 0
	ok := before > 0
	if i < len(s) && s[i] == '.' {
		i++
		frac, after = run(places)
		ok = ok && after > 0
	}
	if !ok || i < len(s) {
		return Amount{}, invalid("amount", string(s), "must be 1 to 18 digits, and at most 12 after a point")
	}
	hi, lo := bits.Mul64(whole, one)
	lo, carry := bits.Add64(lo, frac*tens[places-after], 0)
	a, _ := signed(s[0] == '-', hi+carry, lo)
	return a, nil
}

// String writes a in plain notation: "-12.5".
func (a Amount) String() string {
	var buf [48]byte
	return string(a.append(buf[:0]))
}

func (a Amount) append(b []byte) []byte {
	neg, hi, lo := a.magnitude()
	top, whole, frac, _ := div(0, hi, lo, one)
	if a.excess != nil || top != 0 {
		return bytes.TrimSuffix(bytes.TrimRight(a.decimal().Append(b, 'f'), "0"), []byte("."))
	}
	if neg {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	if frac == 0 {
		return b
	}
	point := len(b)
	b = strconv.AppendUint(b, one+frac, 10) // the 1 keeps the zeros after the point
	b[point] = '.'
	return bytes.TrimRight(b, "0")
}

// Fits reports whether a can be recorded: whether it has at most 18 digits before the point and 12 after it.
func (a Amount) Fits() bool {
	_, hi, lo := a.magnitude()
	maxHi, maxLo := bits.Mul64(1e18, one)
	return a.excess == nil && (hi < maxHi || hi == maxHi && lo < maxLo)
}

// Add returns a + b.
func (a Amount) Add(b Amount) Amount {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi := a.hi + b.hi + int64(carry)
	if a.excess != nil || b.excess != nil || (a.hi^hi)&(b.hi^hi) < 0 {
		x, y, exp := align(a.decimal(), b.decimal())
		return newAmount(x.Add(x, y), exp)
	}
	return Amount{hi: hi, lo: lo}
}

// Sub returns a - b.
func (a Amount) Sub(b Amount) Amount {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi := a.hi - b.hi - int64(borrow)
	if a.excess != nil || b.excess != nil || (a.hi^b.hi)&(a.hi^hi) < 0 {
		x, y, exp := align(a.decimal(), b.decimal())
		return newAmount(x.Sub(x, y), exp)
	}
	return Amount{hi: hi, lo: lo}
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{}.Sub(a) }

// Mul returns a × b, with all its decimals. It panics if there are more than 2³¹ of them.
func (a Amount) Mul(b Amount) Amount {
	if a.excess == nil && b.excess == nil {
		aNeg, aHi, aLo := a.magnitude()
		bNeg, bHi, bLo := b.magnitude()
		if p2, p1, p0, ok := mul(aHi, aLo, bHi, bLo); ok {
			if hi, lo, rem, ok := div(p2, p1, p0, one); ok && rem == 0 {
				if z, ok := signed(aNeg != bNeg, hi, lo); ok {
					return z
				}
			}
		}
	}
	x, y := a.decimal(), b.decimal()
	n := new(apd.BigInt).Mul(&x.Coeff, &y.Coeff)
	if x.Negative != y.Negative {
		n.Neg(n)
	}
	return newAmount(n, int64(x.Exponent)+int64(y.Exponent))
}

// QuoRound returns a ÷ b rounded to decimals, 0 to 12, whatever the digits of a and b. Other decimals, and a b of zero, are
// [ErrInvalid].
func (a Amount) QuoRound(b Amount, decimals int, r Rounding) (Amount, error) {
	if err := checkDecimals(decimals); err != nil {
		return Amount{}, err
	}
	if b.IsZero() {
		return Amount{}, invalid("divisor", "0", "must not be zero")
	}
	return a.quo(b, decimals, r), nil
}

// Round returns a rounded to decimals, of which less than 0 are 0. It returns a itself if a has no more than that.
func (a Amount) Round(decimals int, r Rounding) Amount {
	has := places
	if a.excess != nil {
		has = -int(a.excess.Exponent)
	}
	if decimals >= has {
		return a
	}
	return a.quo(Amount{lo: one}, max(decimals, 0), r)
}

// quo is the one division and the one rounding. The fast way takes a divisor of one word, which is any below 18 million, and
// up to 12 decimals.
func (a Amount) quo(b Amount, decimals int, r Rounding) Amount {
	aNeg, aHi, aLo := a.magnitude()
	bNeg, bHi, bLo := b.magnitude()
	if a.excess != nil || b.excess != nil || bHi != 0 {
		return quo(a.decimal(), b.decimal(), decimals, r)
	}
	n2, n1, n0, _ := mul(aHi, aLo, 0, tens[decimals])
	hi, lo, rem, ok := div(n2, n1, n0, bLo)
	ok = ok && hi <= math.MaxInt64 // room for rounding up
	if rem != 0 && r.away(cmp.Compare(rem, bLo-rem), lo&1 == 1) {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	top, hi, lo, _ := mul(hi, lo, 0, tens[places-decimals])
	z, fits := signed(aNeg != bNeg, hi, lo)
	if !ok || top != 0 || !fits {
		return quo(a.decimal(), b.decimal(), decimals, r)
	}
	return z
}

// Cmp returns -1 if a < b, 0 if a = b and 1 if a > b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.excess != nil || b.excess != nil:
		return a.decimal().Cmp(b.decimal())
	case a.hi != b.hi:
		return cmp.Compare(a.hi, b.hi)
	default:
		return cmp.Compare(a.lo, b.lo)
	}
}

// Equal reports whether a = b.
func (a Amount) Equal(b Amount) bool { return a.Cmp(b) == 0 }

// Sign returns -1 if a < 0, 0 if a = 0 and 1 if a > 0.
func (a Amount) Sign() int {
	switch {
	case a.IsZero():
		return 0
	case a.hi < 0, a.excess != nil && a.excess.Negative:
		return -1
	}
	return 1
}

// IsZero reports whether a = 0.
func (a Amount) IsZero() bool { return a.hi == 0 && a.lo == 0 && a.excess == nil }

// Min returns the smaller of a and b.
func (a Amount) Min(b Amount) Amount {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

// Max returns the greater of a and b.
func (a Amount) Max(b Amount) Amount {
	if b.Cmp(a) > 0 {
		return b
	}
	return a
}

// Rounding says what becomes of the digits that do not fit.
type Rounding uint8

const (
	RoundDown     Rounding = iota // dropped: toward zero
	RoundUp                       // away from zero, if any is not 0
	RoundHalfEven                 // to the nearest; of two equally near, the one whose last digit is even
)

// String returns "down", "up" or "half_even".
func (r Rounding) String() string {
	if names := [...]string{"down", "up", "half_even"}; int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Rounding(%d)", uint8(r))
}

// away reports whether a result from which digits were dropped moves away from zero. half compares those digits with half a
// unit of the result; odd is whether the result is.
func (r Rounding) away(half int, odd bool) bool {
	switch r {
	case RoundUp:
		return true
	case RoundHalfEven:
		return half > 0 || half == 0 && odd
	}
	return false
}

func checkDecimals(n int) error {
	if n < 0 || n > places {
		return invalid("decimals", strconv.Itoa(n), "must be 0 to 12")
	}
	return nil
}

// Words: magnitudes of two or three, the most significant first.

func (a Amount) magnitude() (neg bool, hi, lo uint64) {
	hi, lo = uint64(a.hi), a.lo
	if a.hi >= 0 {
		return false, hi, lo
	}
	lo, borrow := bits.Sub64(0, lo, 0)
	return true, -hi - borrow, lo
}

// signed is the inverse of magnitude, for as much as hi and lo of an amount hold.
func signed(neg bool, hi, lo uint64) (a Amount, ok bool) {
	if !neg {
		return Amount{hi: int64(hi), lo: lo}, hi <= math.MaxInt64
	}
	lo, borrow := bits.Sub64(0, lo, 0)
	a = Amount{hi: int64(-hi - borrow), lo: lo}
	return a, a.hi < 0 || hi == 0
}

// mul multiplies two words by two; ok is whether the product is no more than three.
func mul(a1, a0, b1, b0 uint64) (p2, p1, p0 uint64, ok bool) {
	p1, p0 = bits.Mul64(a0, b0)
	if a1|b1 == 0 {
		return 0, p1, p0, true
	}
	x2, x1 := bits.Mul64(a0, b1)
	y2, y1 := bits.Mul64(a1, b0)
	z3, z2 := bits.Mul64(a1, b1)
	p1, carry := bits.Add64(p1, x1, 0)
	p2, c := bits.Add64(x2, z2, carry)
	p1, carry = bits.Add64(p1, y1, 0)
	p2, carry = bits.Add64(p2, y2, carry)
	return p2, p1, p0, z3|c|carry == 0
}

// div divides three words by one that is not 0; ok is whether the quotient is no more than two.
func div(n2, n1, n0, d uint64) (q1, q0, rem uint64, ok bool) {
	if n2 >= d {
		return 0, 0, 0, false
	}
	rem = n1
	if n2 != 0 || n1 >= d {
		q1, rem = bits.Div64(n2, n1, d)
	}
	q0, rem = bits.Div64(rem, n0, d)
	return q1, q0, rem, true
}

// Decimals without limits. They work on the coefficients, for an [apd.Context] has limits.

// decimal returns a, not to be changed.
func (a Amount) decimal() *apd.Decimal {
	if a.excess != nil {
		return a.excess
	}
	d := &apd.Decimal{Exponent: -places}
	var b [16]byte
	neg, hi, lo := a.magnitude()
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	d.Coeff.SetBytes(b[:])
	d.Negative = neg
	return d
}

// newAmount returns n × 10^exp in its one representation. It takes n over.
func newAmount(n *apd.BigInt, exp int64) Amount {
	if n.Sign() == 0 {
		return Amount{}
	}
	if exp > -places {
		n.Mul(n, pow10(exp+places))
		exp = -places
	}
	var q, rem apd.BigInt
	for ten := pow10(1); exp < -places && n.Bit(0) == 0; exp++ {
		if q.QuoRem(n, ten, &rem); rem.Sign() != 0 {
			break
		}
		n.Set(&q)
	}
	neg := n.Sign() < 0
	n.Abs(n)
	if exp == -places && n.BitLen() <= 128 {
		var b [16]byte
		n.FillBytes(b[:])
		if a, ok := signed(neg, binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])); ok {
			return a
		}
	}
	if exp < math.MinInt32 {
		panic("wallet: amount with more than 2³¹ decimals")
	}
	d := &apd.Decimal{Negative: neg, Exponent: int32(exp)}
	d.Coeff.Set(n)
	return Amount{excess: d}
}

// align returns x and y as multiples of one power of ten, 10^exp.
func align(x, y *apd.Decimal) (m, n *apd.BigInt, exp int64) {
	exp = min(int64(x.Exponent), int64(y.Exponent))
	multiple := func(d *apd.Decimal) *apd.BigInt {
		n := pow10(int64(d.Exponent) - exp)
		n.Mul(n, &d.Coeff)
		if d.Negative {
			n.Neg(n)
		}
		return n
	}
	return multiple(x), multiple(y), exp
}

// quo returns x ÷ y rounded to decimals.
func quo(x, y *apd.Decimal, decimals int, r Rounding) Amount {
	m, n, _ := align(x, y)
	m.Mul(m.Abs(m), pow10(int64(decimals)))
	n.Abs(n)
	var q, rem apd.BigInt
	q.QuoRem(m, n, &rem)
	if rem.Sign() != 0 && r.away(rem.Cmp(n.Sub(n, &rem)), q.Bit(0) == 1) {
		q.Add(&q, pow10(0))
	}
	if x.Negative != y.Negative {
		q.Neg(&q)
	}
	return newAmount(&q, -int64(decimals))
}

// pow10 returns a new 10^n.
func pow10(n int64) *apd.BigInt {
	z := new(apd.BigInt)
	if n < int64(len(tens)) {
		return z.SetUint64(tens[n])
	}
	return z.Exp(apd.NewBigInt(10), apd.NewBigInt(n), nil)
}

// AppendText appends what [Amount.String] returns.
func (a Amount) AppendText(b []byte) ([]byte, error) { return a.append(b), nil }

// MarshalText returns what [Amount.String] does.
func (a Amount) MarshalText() ([]byte, error) { return a.append(nil), nil }

// UnmarshalText is [ParseAmount]. An error leaves a as it is, as in every decoder of Amount.
func (a *Amount) UnmarshalText(text []byte) error { return a.set(parse(text)) }

// MarshalJSON returns what [Amount.String] does as a JSON string.
func (a Amount) MarshalJSON() ([]byte, error) {
	return append(a.append([]byte{'"'}), '"'), nil
}

// UnmarshalJSON takes a JSON string that [ParseAmount] does. Numbers and null are [ErrInvalid].
func (a *Amount) UnmarshalJSON(data []byte) error {
	n := len(data)
	if n < 2 || data[0] != '"' || data[n-1] != '"' {
		return invalid("amount", string(data), "must be a JSON string")
	}
	if bytes.IndexByte(data, '\\') < 0 {
		return a.set(parse(data[1 : n-1]))
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return invalid("amount", string(data), "must be a JSON string")
	}
	return a.set(parse(s))
}

// Value returns what [Amount.String] does; [ErrLimit] if a does not fit, for it could not be scanned again.
func (a Amount) Value() (driver.Value, error) {
	if !a.Fits() {
		return nil, fmt.Errorf("%w: amount %s", ErrLimit, a)
	}
	return a.String(), nil
}

// Scan takes a string or bytes that [ParseAmount] does, or an int64. NULL and floating-point numbers are [ErrInvalid].
func (a *Amount) Scan(src any) error {
	switch src := src.(type) {
	case string:
		return a.set(parse(src))
	case []byte:
		return a.set(parse(src))
	case int64:
		return a.set(NewAmount(src, 0))
	case nil:
		return invalid("amount", "NULL", "must not be NULL")
	default:
		return invalid("amount", fmt.Sprint(src), fmt.Sprintf("must be text or an int64, not a %T", src))
	}
}

func (a *Amount) set(b Amount, err error) error {
	if err == nil {
		*a = b
	}
	return err
}

// Currency is an ISO 4217 code in capitals, as in "USD".
type Currency string

// Valid reports whether c has [Currency.Decimals].
func (c Currency) Valid() bool {
	_, ok := c.Decimals()
	return ok
}

// Decimals returns the exponent of the minor unit of c: 2 for USD, as a cent is 10⁻² dollars. It knows the codes of ISO 4217
// that are in use and have a minor unit, which metals, XDR, XTS and XXX have not; and ANG and BGN, whose books may be open.
func (c Currency) Decimals() (n int, ok bool) {
	switch c {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0, true
	case "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BMD", "BND", "BOB",
		"BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CNY", "COP", "COU", "CRC", "CUP",
		"CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ",
		"GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK",
		"LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV",
		"MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD",
		"RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
		"TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "UYU", "UZS", "VED", "VES", "WST", "XAD", "XCD",
		"XCG", "YER", "ZAR", "ZMW", "ZWG":
		return 2, true
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3, true
	case "CLF", "UYW":
		return 4, true
	}
	return 0, false
}

// Money is an amount of a currency. It may be finer than the minor unit.
type Money struct {
	Amount   Amount   `json:"amount"`
	Currency Currency `json:"currency"`
}

// NewMoney returns as many minor units: NewMoney(1250, "USD") is 12.5 USD. An unknown currency is [ErrInvalid], as is an
// amount of more than 18 digits before the point.
func NewMoney(minor int64, c Currency) (Money, error) {
	n, ok := c.Decimals()
	if !ok {
		return Money{}, invalid("currency", string(c), "must be an ISO 4217 code")
	}
	a, err := NewAmount(minor, n)
	if err != nil {
		return Money{}, err
	}
	return Money{Amount: a, Currency: c}, nil
}

// Minor returns m in minor units, rounded down, and whether that is exact. It is 0, false if the currency is unknown or the
// units are too many for an int64.
func (m Money) Minor() (n int64, exact bool) {
	decimals, ok := m.Currency.Decimals()
	if !ok {
		return 0, false
	}
	whole := m.Amount.Round(decimals, RoundDown)
	n, ok = whole.Int64(decimals)
	return n, ok && whole.Equal(m.Amount)
}

// String writes the amount and the currency: "12.5 USD".
func (m Money) String() string { return m.Amount.String() + " " + string(m.Currency) }
