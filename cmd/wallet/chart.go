package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A span is a stretch of a replay: what was left at its end, and what happened in it.
type span struct {
	end                       time.Time
	granted, paid             wallet.Amount // credits left
	spent, expired, uncovered wallet.Amount // money
}

// spans cuts the replay at round instants, about twenty of them.
func (r report) spans() []span {
	booked, rows, uses := r.book.booked(), r.usage.rows, r.burn.receipts
	kinds := make(map[wallet.TransactionID]wallet.Kind)
	left := make(map[wallet.Kind]wallet.Amount)
	var all []span
	for _, end := range cuts(booked[0].SettledAt, rows[len(rows)-1].at) {
		s := span{end: end}
		for ; len(booked) > 0 && !booked[0].SettledAt.After(end); booked = booked[1:] {
			switch t := booked[0]; t.Kind {
			case wallet.Granted, wallet.Purchased:
				kinds[t.ID] = t.Kind
				left[t.Kind] = left[t.Kind].Add(t.Credits)
			case wallet.Consumed:
				s.spent = s.spent.Add(t.Money.Amount)
			case wallet.Expired:
				s.expired = s.expired.Add(t.Money.Amount)
			}
			for _, d := range r.book.by[booked[0].ID] {
				left[kinds[d.Lot]] = left[kinds[d.Lot]].Sub(d.Credits)
			}
		}
		for ; len(rows) > 0 && !rows[0].at.After(end); rows, uses = rows[1:], uses[1:] {
			s.uncovered = s.uncovered.Add(uses[0].uncovered)
		}
		s.granted, s.paid = left[wallet.Granted], left[wallet.Purchased]
		all = append(all, s)
	}
	return all
}

// cuts returns the first instant, the round ones behind it, and the last.
func cuts(first, last time.Time) []time.Time {
	const most, day = 20, 24 * time.Hour
	step := time.Duration(0)
	for _, step = range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond,
		time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
		12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 91 * day, 365 * day} {
		if last.Sub(first) <= most*step {
			break
		}
	}
	all := []time.Time{first}
	for at := first.Truncate(step).Add(step); at.Before(last); at = at.Add(step) {
		all = append(all, at)
	}
	return append(all, last)
}

// chart draws how many credits were left as time went by. Its figures are rounded; those of sums are not.
func (r report) chart(out io.Writer) {
	const width = 36
	line := func(cells ...any) {
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%s  %s %12s %13s %12s", cells...), " "))
	}
	cells := func(left wallet.Amount) int {
		full := r.replay.Granted.Add(r.replay.Paid)
		share, _ := left.Mul(wallet.MustAmount(strconv.Itoa(width))).QuoRound(full, 0, wallet.RoundHalfEven) // full is not zero
		n, _ := strconv.Atoi(share.String())
		return n
	}
	round := func(a wallet.Amount, decimals int) string {
		if a.IsZero() {
			return ""
		}
		return figure(a.Round(decimals, wallet.RoundHalfEven), decimals)
	}

	cents := minorDigits(r.replay.Currency)
	fmt.Fprintln(out)
	line(pad("Burn-down, UTC", len(time.DateTime)), pad("░ granted  █ paid", width),
		"credits left", string("spent "+r.replay.Currency), "uncovered")
	for _, s := range r.spans() {
		granted, all := cells(s.granted), cells(s.granted.Add(s.paid))
		bar := pad(strings.Repeat("░", granted)+strings.Repeat("█", all-granted), width)
		line(moment(s.end), bar, figure(s.granted.Add(s.paid).Round(2, wallet.RoundHalfEven), 2),
			round(s.spent, cents), round(s.uncovered, cents))
		if s.expired.Sign() > 0 {
			line(pad("", len(time.DateTime)), pad("", width), "expired", round(s.expired, cents), "")
		}
	}
}
