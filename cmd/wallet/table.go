package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table prints all figures.
func (r *results) table(out io.Writer) {
	raw := r.raw()
	fmt.Fprintf(out, "raw: %s overwrites of 4 KB a second, each with %s; median of %d, from %s to %s\n",
		rounded(raw), flushName, len(r.raws), rounded(slices.Min(r.raws)), rounded(slices.Max(r.raws)))
	const form = "%-8s %8s  %-7s %8s %12s %8s %8s %8s %9s %9s\n"
	last := cell{}
	for _, c := range r.cells {
		if c.store != last.store || c.wallets != last.wallets {
			fmt.Fprintf(out, "\n"+form, "store", "wallets", "command", "callers", "commands/s", "× raw", "CPU µs", "log B", "p50", "p99")
		}
		last = c
		cpu, log := "-", "-"
		if c.cpu > 0 {
			cpu = digits(float64(c.cpu) / float64(time.Microsecond))
		}
		if c.log >= 0 {
			log = rounded(c.log)
		}
		fmt.Fprintf(out, form, c.store, number(c.wallets), c.command, number(c.callers), rounded(c.rate), digits(c.rate/raw), cpu, log,
			short(c.p50), short(c.p99))
	}
}

// rounded writes a number without decimals.
func rounded(f float64) string { return number(int(math.Round(f))) }

// digits writes a number with three digits that count.
func digits(f float64) string {
	switch {
	case f >= 100:
		return rounded(f)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// short writes a time with three digits that count.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return digits(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	}
	return digits(float64(d)/float64(time.Microsecond)) + " µs"
}

// A scale is a logarithmic one, of whole decades.
type scale struct{ from, to int } // powers of ten

// scale has room for all rates.
func (r *results) scale() scale {
	rates := []float64{r.raw()}
	for _, c := range r.cells {
		rates = append(rates, c.rate)
	}
	s := scale{int(math.Floor(math.Log10(slices.Min(rates)))), int(math.Ceil(math.Log10(slices.Max(rates))))}
	s.to = max(s.to, s.from+1)
	return s
}

// share is where on the scale a rate is, from 0 to 1.
func (s scale) share(rate float64) float64 {
	return (math.Log10(rate) - float64(s.from)) / float64(s.to-s.from)
}

// power writes a power of ten: 100, 10k, 1M.
func power(n int) string {
	unit := ""
	switch {
	case n >= 6:
		n, unit = n-6, "M"
	case n >= 3:
		n, unit = n-3, "k"
	}
	return digitsOf(n) + unit
}

func digitsOf(power int) string {
	return strconv.FormatFloat(math.Pow10(power), 'f', max(0, -power), 64)
}

// bars draws a bar for each command on each store: as far as the most callers get, in shades of how many it takes.
func (r *results) bars(out io.Writer) {
	const width, shades = 60, "░▒▓█"
	callers := r.bench.Callers
	shade := func(n int) string {
		i := slices.Index(callers, n) * 4 / max(4, len(callers))
		return string([]rune(shades)[i])
	}
	s := r.scale()
	place := func(rate float64) int { return int(math.Round(s.share(rate) * width)) }

	axis := []rune(strings.Repeat(" ", width+8))
	for n := s.from; n <= s.to; n++ {
		copy(axis[place(math.Pow10(n)):], []rune(power(n)))
	}
	fmt.Fprint(out, "\nCommands a second, as far as it takes")
	for _, n := range callers {
		fmt.Fprintf(out, "  %s %s", shade(n), number(n))
	}
	fmt.Fprintln(out, "  callers;  │ raw")

	rest := r.cells
	for len(rest) > 0 {
		first := rest[0]
		row := []rune(strings.Repeat(" ", width+1))
		full := 0
		for len(rest) > 0 && rest[0].store == first.store && rest[0].wallets == first.wallets && rest[0].command == first.command {
			for to := place(rest[0].rate); full < to; full++ { // fewer callers come first
				row[full] = []rune(shade(rest[0].callers))[0]
			}
			rest = rest[1:]
		}
		row[place(r.raw())] = '│'
		if first.command == r.bench.Command[0] {
			fmt.Fprintf(out, "\n%s%s\n", pad(first.store+", "+count(first.wallets, "wallets"), 26), strings.TrimRight(string(axis), " "))
		}
		fmt.Fprintf(out, "  %-23s %s\n", first.command, strings.TrimRight(string(row), " "))
	}
}
