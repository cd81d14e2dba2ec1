package main

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

var tokenPrices = []price{{"in", wallet.MustAmount("0.5")}, {"out", wallet.MustAmount("2")}}

func TestReadUsage(t *testing.T) {
	const file = "\ufeffwhen, in,out,note\n" +
		"2026-01-01T00:00:02Z,1,0,\n" +
		"2026-01-01T00:00:01Z,3, 2 ,\"late,\nand long\"\n" +
		"\n" +
		"2026-01-01T01:00:02+01:00,0.000000000002,0,\n"
	u, err := readUsage(strings.NewReader(file), "u.csv", "when", tokenPrices)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		line  int
		price string
	}{{3, "5.5"}, {2, "0.5"}, {6, "0.000000000001"}}
	if len(u.rows) != len(want) || u.moved != 1 || u.total.String() != "6.000000000001" {
		t.Fatalf("%d rows, %d moved, total %s", len(u.rows), u.moved, u.total)
	}
	for i, w := range want {
		if r := u.rows[i]; r.line != w.line || r.price.String() != w.price {
			t.Errorf("row %d: line %d, price %s; want %d, %s", i, r.line, r.price, w.line, w.price)
		}
	}
}

func TestReadUsageTellsEveryBadLine(t *testing.T) {
	const file = "when,in,out\n" +
		"2026-01-01T00:00:01Z,1,1\n" +
		"yesterday,1,1\n" + // 3
		"2026-01-01T00:00:02Z,1\n" + // 4
		"2026-01-01T00:00:02Z,\"1,000\",1\n" + // 5
		"2026-01-01T00:00:02Z,1,-1\n" + // 6
		"2026-01-01T00:00:02Z,1e3,1\n" + // 7
		"2026-01-01T00:00:02Z,0.000000000001,1\n" + // 8
		"2026-01-01T00:00:02Z,1\"2,1\n" + // 9
		"1969-12-31T23:59:59Z,1,1\n" + // 10
		"2026-01-01T00:00:03Z,1,1\n" +
		"2026-01-01T00:00:02Z,,1\n" + // 12
		"2026-01-01T00:00:02Z,NaN,1\n" + // 13
		"2026-01-01T00:00:02Z,0x10,1\n" + // 14
		"2026-01-01T00:00:02Z,1_000,1\n" // 15
	u, err := readUsage(strings.NewReader(file), "u.csv", "when", tokenPrices)
	if err == nil || len(u.rows) > 0 {
		t.Fatalf("%d rows, error %v", len(u.rows), err)
	}
	for _, want := range []string{
		`u.csv:3: when: "yesterday" is not a time`, "u.csv:4: has 2 fields, the header has 3", `u.csv:5: in: "1,000" is not`,
		"u.csv:6: out: -1 is negative", `u.csv:7: in: "1e3" is not`, "u.csv:8: its price 2.0000000000005 needs",
		"u.csv:9: bare", "u.csv:10: when", `u.csv:12: in: ""`, `u.csv:13: in: "NaN"`, "… and 2 more", "12 of 14 rows cannot be read; nothing was charged",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestReadUsageHeader(t *testing.T) {
	for file, want := range map[string]string{
		"":                          "is empty",
		"when,in,out\n":             "no rows",
		"when,in\n1,2\n":            `u.csv:1: --price: there is no column "out"; the columns are when, in`,
		"in,out\n1,2\n":             `u.csv:1: --time: there is no column "when"`,
		"when,in,out,in\n1,2,3,4\n": `several columns "in"`,
	} {
		if _, err := readUsage(strings.NewReader(file), "u.csv", "when", tokenPrices); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: no %q in: %v", file, want, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2023, 11, 16, 18, 17, 3, 979_960_000, time.UTC)
	for _, s := range []string{
		"2023-11-16T18:17:03.97996Z", "2023-11-16T18:17:03.9799600Z", "2023-11-16T19:17:03.979960999+01:00",
		"2023-11-16 18:17:03.9799600", "2023-11-16 18:17:03.979960999", "2023-11-16T18:17:03.97996", "2023-11-16 20:17:03.97996+02:00",
		"1700158623.97996", "1700158623979.96", " 1700158623979.960999 ",
	} {
		if got, err := parseTime(s); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", s, got, err, want)
		}
	}
	for s, unix := range map[string]int64{"0": 0, "99999999999": 99_999_999_999, "100000000000": 100_000_000} {
		if got, err := parseTime(s); err != nil || got.Unix() != unix {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "noon", "2023-13-01 00:00:00", "-1", "1e9", "999999999999999999", "2023-11-16"} {
		if got, err := parseTime(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}
