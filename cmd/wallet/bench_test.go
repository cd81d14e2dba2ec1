package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A row of the table: store, wallets, command, callers, commands/s, × raw, CPU, log, p50, p99.
var figures = regexp.MustCompile(`(?m)^(\w+) +(\d+)  (debit|charge|topup) +(\d+) +([0-9,]+) +([0-9.,]+) +([0-9.,]+|-) +([0-9,]+|-) +([0-9.,]+) [mµ]?s +([0-9.,]+) [mµ]?s$`)

// smallest measures almost nothing of everything.
var smallest = []string{"bench", "--for", "2ms", "--wallets", "7,1", "--callers", "3,1,3"}

// A short run tells all figures of all cells, draws them, and leaves nothing behind.
func TestBench(t *testing.T) {
	dir, chart := t.TempDir(), filepath.Join(t.TempDir(), "chart.svg")
	stdout, stderr, ok := command(t, append(smallest, "--dir", dir, "--svg", chart)...)
	if !ok || stderr != "" {
		t.Fatal(stderr)
	}
	tableOf(t, stdout, "memory", "sqlite")
	if !strings.Contains(stdout, "\nraw: ") || strings.Count(stdout, "│") != 2*2*3+1 {
		t.Errorf("no bars with their raw limit in\n%s", stdout)
	}
	for line := range strings.Lines(stdout) {
		if len([]rune(line)) > 101 {
			t.Errorf("wider than 100 columns: %s", line)
		}
	}
	isEmpty(t, dir)

	drawn, err := os.ReadFile(chart)
	check(t, err)
	points, text := 0, ""
	for d := xml.NewDecoder(strings.NewReader(string(drawn))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		check(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "title" {
				points++
			}
		case xml.CharData:
			text += string(token)
		}
	}
	if points != 2*2*3*2 {
		t.Errorf("%d points", points)
	}
	for _, want := range []string{"sqlite", "memory", "raw", "charge, 7 wallets", "callers"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(string(drawn), "NaN") || strings.Contains(string(drawn), "%!") {
		t.Errorf("%s", drawn)
	}
}

// tableOf checks that every cell is there, in order.
func tableOf(t *testing.T, stdout string, stores ...string) {
	t.Helper()
	rows := figures.FindAllStringSubmatch(stdout, -1)
	var got, want []string
	for _, r := range rows {
		got = append(got, strings.Join(r[1:5], " "))
		rate, err := strconv.Atoi(strings.ReplaceAll(r[5], ",", ""))
		if err != nil || rate == 0 {
			t.Errorf("%s: %v", r[0], err)
		}
		if durable := r[1] != "memory"; durable != (r[8] != "-") || r[8] == "0" {
			t.Errorf("log of %s bytes: %s", r[8], r[0])
		}
	}
	for _, s := range stores {
		for _, w := range []int{1, 7} {
			for _, c := range []string{"debit", "charge", "topup"} {
				for _, n := range []int{1, 3} {
					want = append(want, fmt.Sprint(s, " ", w, " ", c, " ", n))
				}
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q in\n%s", got, want, stdout)
	}
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	check(t, err)
	if len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// An interrupt ends it at once, and nothing is left behind.
func TestBenchInterrupted(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "bench", "--for", "10s", "--dir", dir, "--store", "sqlite", "--wallets", "1")
	cmd.Env = append(os.Environ(), "WALLET_COMMAND=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	if _, err := out.Read(make([]byte, 1)); err != nil { // it is about to begin
		t.Fatal(err, &stderr)
	}
	check(t, cmd.Process.Signal(os.Interrupt))
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "interrupted after") {
		t.Errorf("%v, %s", err, &stderr)
	}
	isEmpty(t, dir)
}

func TestBenchRefusals(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--store", "oracle"}, "--store oracle: there are memory, sqlite and postgres"},
		{[]string{"--store", "postgres"}, "needs --dsn"},
		{[]string{"--store", "sqlite", "--dsn", "host=x"}, "--dsn goes with --store postgres"},
		{[]string{"--command", "void"}, "--command must be one of"},
		{[]string{"--wallets", "0"}, "--wallets 0"},
		{[]string{"--wallets", "many"}, "--wallets"},
		{[]string{"--callers", "1,1000000"}, "--callers 1000000"},
		{[]string{"--for", "1h"}, "--for 1h0m0s"},
		{[]string{"--for", "soon"}, "--for"},
		{[]string{"--dir", "nowhere"}, "--dir"},
		{[]string{"--svg", "nowhere/at/all.svg"}, "--svg"},
		{[]string{"--store", "postgres", "--dsn", "port=none"}, "--dsn: "},
	} {
		stdout, stderr, ok := command(t, append([]string{"bench", "--for", "1ms", "--wallets", "1", "--callers", "1"}, c.args...)...)
		if ok || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: succeeded: %t; no %q in: %s%s", c.args, ok, c.want, stderr, stdout)
		}
	}
}

// Figures keep three digits, or all before the point.
func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		digits(0.123): "0.12", digits(9.876): "9.88", digits(12.34): "12.3", digits(1234.4): "1,234", short(1500): "1.50 µs",
		short(2_340_000): "2.34 ms", short(12_300_000_000): "12.3 s", power(-1): "0.1", power(0): "1", power(2): "100", power(4): "10k", power(6): "1M",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
