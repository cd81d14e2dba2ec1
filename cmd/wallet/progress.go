package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// A bar shows how far a long command is, on standard error if that is a terminal.
type bar struct {
	all   int
	start time.Time
	next  time.Time // when to draw again
	shown bool
}

func newBar(all int) *bar {
	b := &bar{all: all, start: time.Now(), shown: isatty.IsTerminal(os.Stderr.Fd())}
	b.next = b.start
	return b
}

func (b *bar) step(done int) {
	const width, pause = 40, 100 * time.Millisecond
	if !b.shown {
		return
	}
	now := time.Now()
	if now.Before(b.next) && done < b.all {
		return
	}
	b.next = now.Add(pause)
	full := done * width / b.all
	fmt.Fprintf(os.Stderr, "\r%s%s %s of %s, %.0f a second ", strings.Repeat("█", full), strings.Repeat("░", width-full),
		number(done), number(b.all), float64(done)/max(now.Sub(b.start).Seconds(), 1e-3))
}

// done clears the line and says how fast it was.
func (b *bar) done() {
	if b.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	took := time.Since(b.start)
	fmt.Fprintf(os.Stderr, "charged %s in %s, %.0f a second\n", count(b.all, "rows"), took.Round(time.Millisecond), float64(b.all)/took.Seconds())
}

// A status says what is being done, on standard error if that is a terminal.
type status struct {
	all   int
	shown bool
}

func newStatus(all int) *status {
	return &status{all: all, shown: isatty.IsTerminal(os.Stderr.Fd())}
}

func (s *status) line(done int, what string) {
	if s.shown {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s of %s: %s", number(done), number(s.all), what)
	}
}

// done clears the line.
func (s *status) done() {
	if s.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
