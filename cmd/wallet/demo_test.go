package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/demo.txt anew")

// The demo tells the same story, to the last digit, every time.
func TestDemo(t *testing.T) {
	const golden = "testdata/demo.txt"
	db := t.TempDir() + "/demo.db"
	got, stderr, ok := command(t, "demo", "--db", db)
	if !ok {
		t.Fatal(stderr)
	}
	got = strings.ReplaceAll(got, db, "demo.db")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := lineOf(gotLines, i), lineOf(wantLines, i)
		if g != w {
			t.Errorf("line %d:\n got %q\nwant %q", i+1, g, w)
		}
		if n := len([]rune(g)); n > 100 {
			t.Errorf("line %d has %d columns: %s", i+1, n, g)
		}
	}
}

func TestDemoPrintsWhereItIs(t *testing.T) {
	stdout, stderr, ok := command(t, "demo")
	if !ok {
		t.Fatal(stderr)
	}
	first, _, _ := strings.Cut(stdout, "\n")
	path := first[strings.LastIndex(first, " ")+1:]
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("no database at %q: %v", path, err)
	}
}

func lineOf(lines []string, i int) string {
	if i >= len(lines) {
		return "(none)"
	}
	return lines[i]
}
