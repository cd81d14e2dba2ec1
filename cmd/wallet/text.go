package main

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-12493b23/wallet"
)

// figure writes an amount with at least so many decimals, and commas between thousands: 1234.5 with 2 is 1,234.50.
func figure(a wallet.Amount, decimals int) string {
	whole, rest, _ := strings.Cut(a.String(), ".")
	sign := ""
	if whole[0] == '-' {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest += strings.Repeat("0", max(0, decimals-len(rest))); rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// credits writes credits, without trailing zeros.
func credits(a wallet.Amount) string { return figure(a, 0) }

// money writes money with the decimals of its currency, or as many more as it has.
func money(m wallet.Money) string { return figure(m.Amount, minorDigits(m.Currency)) }

// signed puts a sign before what a transaction adds or takes.
func signed(k wallet.Kind, figure string) string {
	if k.Inbound() {
		return "+" + figure
	}
	return "-" + figure
}

func minorDigits(c wallet.Currency) int {
	n, _ := c.Decimals()
	return n
}

// count writes a number of things: 1 row, 1,200 rows.
func count(n int, things string) string {
	if n == 1 {
		things = strings.TrimSuffix(things, "s")
	}
	return number(n) + " " + things
}

// number writes n with commas between thousands.
func number(n int) string {
	return figure(wallet.MustAmount(strconv.Itoa(n)), 0)
}

// pad fills s with spaces up to a width.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// cut is pad, but what is longer loses its end.
func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		s = string(r[:width-1]) + "…"
	}
	return pad(s, width)
}
