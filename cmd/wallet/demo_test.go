package main

import (
	"os"
	"strings"
	"testing"
)

// The demo tells the same story, to the last digit, every time.
func TestDemo(t *testing.T) {
	db := t.TempDir() + "/demo.db"
	stdout, stderr, ok := command(t, "demo", "--db", db)
	if !ok {
		t.Fatal(stderr)
	}
	golden(t, "testdata/demo.txt", strings.ReplaceAll(stdout, db, "demo.db"))
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
