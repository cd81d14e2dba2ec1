package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The replay of the sample agrees with arithmetic on whole numbers that knows nothing of the engine.
func TestReplayAgreesWithPlainArithmetic(t *testing.T) {
	for name, c := range map[string]plain{
		"one dollar a credit":                       {granted: 1, paid: 1, rateNum: 1, rateDen: 1},
		"thirty cents a credit":                     {granted: 2, paid: 3, rateNum: 3, rateDen: 10},
		"seven dollars, more than enough, expiring": {granted: 1, rateNum: 7, rateDen: 1, expires: 4 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.compute(t)
			args := []string{"replay", "--usage", "testdata/usage.csv", "--time", "time",
				"--price", "prompt=0.000003", "--price", "answer=0.000015",
				"--granted", fmt.Sprint(c.granted), "--paid", fmt.Sprint(c.paid), "--rate", fmt.Sprint(float64(c.rateNum) / float64(c.rateDen)),
				"--db", t.TempDir() + "/replay.db"}
			if c.expires > 0 {
				args = append(args, "--expires", c.expires.String())
			}
			stdout, stderr, ok := command(t, args...)
			if !ok {
				t.Fatal(stderr, stdout)
			}
			got := sumsOf(stdout)
			for _, figure := range []string{"consumed", "expired", "left", "covered", "uncovered", "price"} {
				if got[figure] != want[figure] {
					t.Errorf("%s: got %s, want %s", figure, got[figure], want[figure])
				}
			}
			if !strings.Contains(stdout, "200 rows") || !strings.Contains(stdout, "not in order of time in 3 places") {
				t.Errorf("200 rows, 3 of them behind a later one, in:\n%s", stdout)
			}
			if strings.Count(stdout, "\nok ") != 8 || strings.Contains(stdout, "NO ") {
				t.Errorf("not eight proofs in:\n%s", stdout)
			}
		})
	}
}

// The report of a replay in which credits expire, and are missed: head, chart, sums and proofs.
func TestReplayReport(t *testing.T) {
	db := t.TempDir() + "/replay.db"
	stdout, stderr, ok := command(t, "replay", "--usage", "testdata/usage.csv", "--time", "time", "--db", db,
		"--price", "prompt=0.000003", "--price", "answer=0.000015", "--granted", "2", "--paid", "3", "--rate", "0.3", "--expires", "4h")
	if !ok {
		t.Fatal(stderr)
	}
	golden(t, "testdata/replay.txt", strings.ReplaceAll(stdout, db, "replay.db"))
}

// plain is a replay in whole numbers: money and credits in units of 10^-12, prices in millionths of a dollar.
type plain struct {
	granted, paid    int64 // whole credits
	rateNum, rateDen int64
	expires          time.Duration
}

func (p plain) compute(t *testing.T) map[string]string {
	const unit, micro, cent = 1_000_000_000_000, 1_000_000, 10_000_000_000
	file, err := os.ReadFile("testdata/usage.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")[1:]
	slices.Sort(lines) // they begin with their time
	first := timeOf(t, lines[0])

	var price, covered, consumed, expired int64
	left := (p.granted + p.paid) * unit
	for _, line := range lines {
		if p.expires > 0 && timeOf(t, line).Sub(first.Add(-time.Microsecond)) >= p.expires {
			expired, left = expired+left, 0
		}
		fields := strings.Split(line, ",")
		prompt, _ := strconv.ParseInt(fields[1], 10, 64)
		answer, _ := strconv.ParseInt(fields[2], 10, 64)
		cost := (3*prompt + 15*answer) * micro
		price += cost
		if worth := left * p.rateNum / p.rateDen; worth < cost {
			cost = worth / cent * cent
		}
		used := cost * p.rateDen / p.rateNum
		covered, consumed, left = covered+cost, consumed+used, left-used
	}
	figures := map[string]string{}
	for name, n := range map[string]int64{"consumed": consumed, "expired": expired, "left": left} {
		figures[name] = "credits " + decimal(n)
	}
	for name, n := range map[string]int64{"covered": covered, "uncovered": price - covered, "price": price} {
		figures[name] = "money " + decimal(n)
	}
	return figures
}

func timeOf(t *testing.T, line string) time.Time {
	at, err := time.Parse(time.RFC3339, line[:strings.Index(line, ",")])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func decimal(units int64) string {
	s := fmt.Sprintf("%d.%012d", units/1_000_000_000_000, units%1_000_000_000_000)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// sumsOf reads the figures under the chart: of what happened the credits, of what it cost the money.
func sumsOf(stdout string) map[string]string {
	sums := map[string]string{}
	for line := range strings.Lines(stdout) {
		f := strings.Fields(strings.NewReplacer(",", "", "-", "", "+", "").Replace(line))
		if len(f) != 3 {
			continue
		}
		switch f[0] {
		case "granted", "paid", "consumed", "expired", "left":
			sums[f[0]] = "credits " + f[1]
		case "price", "covered", "uncovered":
			money := f[2]
			if strings.Contains(money, ".") {
				money = strings.TrimRight(strings.TrimRight(money, "0"), ".")
			}
			sums[f[0]] = "money " + money
		}
	}
	return sums
}

func TestReplayRefusesBadRowsBeforeItWritesAnything(t *testing.T) {
	dir := t.TempDir()
	const rows = "at,n\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:01Z,one\n2026-01-01T00:00:02Z,1\n2026-01-01T00:00:03Z\n"
	if err := os.WriteFile(dir+"/bad.csv", []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	_, stderr, ok := command(t, "replay", "--usage", dir+"/bad.csv", "--time", "at", "--price", "n=1", "--paid", "9", "--db", dir+"/new.db")
	if ok || !strings.Contains(stderr, `/bad.csv:3: n: "one"`) || !strings.Contains(stderr, "/bad.csv:5: has 1 fields") {
		t.Errorf("succeeded: %t; it said:\n%s", ok, stderr)
	}
	if _, err := os.Stat(dir + "/new.db"); !os.IsNotExist(err) {
		t.Error("there is a database")
	}
}

// The credits are there one microsecond before the first row; so what expires within a microsecond pays for nothing.
func TestReplayOpensJustBeforeTheFirstRow(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/one.csv", []byte("at,n\n1700000000,3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for expires, want := range map[string]string{"1us": "money 3", "2us": "money 0"} {
		stdout, stderr, ok := command(t, "replay", "--usage", dir+"/one.csv", "--time", "at", "--price", "n=1", "--paid", "9", "--expires", expires)
		if got := sumsOf(stdout)["uncovered"]; !ok || got != want {
			t.Errorf("%s: uncovered %q, want %q: %s%s", expires, got, want, stdout, stderr)
		}
	}
}
