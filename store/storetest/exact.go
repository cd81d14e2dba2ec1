package storetest

import (
	"math/big"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// The model's arithmetic is that of math/big: exact, and not the engine's own.

const decimals = 12 // how many digits behind the point are recorded

func rat(a wallet.Amount) *big.Rat {
	r, ok := new(big.Rat).SetString(a.String())
	if !ok {
		panic("storetest: no number: " + a.String())
	}
	return r
}

// amount returns r, which has at most 12 decimals but may be more than can be recorded.
func amount(r *big.Rat) wallet.Amount {
	if fits(r) {
		return wallet.MustAmount(r.FloatString(decimals))
	}
	const digits = 17
	high := down(quo(r, new(big.Rat).SetInt(power(digits))), 0)
	low := sub(r, mul(high, new(big.Rat).SetInt(power(digits))))
	return amount(high).Mul(wallet.MustAmount("1" + strings.Repeat("0", digits))).Add(amount(low))
}

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func quo(a, b *big.Rat) *big.Rat { return new(big.Rat).Quo(a, b) }

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// down rounds r ≥ 0 down to so many decimals.
func down(r *big.Rat, decimals int) *big.Rat {
	scaled := mul(r, new(big.Rat).SetInt(power(decimals)))
	whole := new(big.Int).Div(scaled.Num(), scaled.Denom())
	return new(big.Rat).SetFrac(whole, power(decimals))
}

// up rounds r ≥ 0 up to so many decimals.
func up(r *big.Rat, decimals int) *big.Rat {
	low := down(r, decimals)
	if low.Cmp(r) == 0 {
		return low
	}
	return add(low, new(big.Rat).SetFrac(big.NewInt(1), power(decimals)))
}

// halfEven rounds r ≥ 0 to the nearest at so many decimals; of two equally near ones, to the one whose last digit is even.
func halfEven(r *big.Rat, decimals int) *big.Rat {
	low, high := down(r, decimals), up(r, decimals)
	switch sub(r, low).Cmp(sub(high, r)) {
	case -1:
		return low
	case 1:
		return high
	}
	if last := mul(low, new(big.Rat).SetInt(power(decimals))).Num(); last.Bit(0) == 0 {
		return low
	}
	return high
}

// units counts r in the last of its 12 decimals.
func units(r *big.Rat) *big.Int { return mul(r, new(big.Rat).SetInt(power(decimals))).Num() }

// fits reports whether r can be recorded: within 18 digits before the point.
func fits(r *big.Rat) bool { return r.Cmp(new(big.Rat).SetInt(power(18))) < 0 }
