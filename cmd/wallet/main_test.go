package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestMain lets the test binary stand in for the command, so that tests see what a shell would.
func TestMain(m *testing.M) {
	if os.Getenv("WALLET_COMMAND") != "" {
		main()
		return
	}
	code := m.Run()
	postgresServer.stop()
	os.Exit(code)
}

// command runs the command and returns what it wrote, and whether it succeeded.
func command(t *testing.T, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "WALLET_COMMAND=1", "COLUMNS=100", "TMPDIR="+t.TempDir())
	cmd.Stdout, cmd.Stderr = &out, &err
	failure := cmd.Run()
	if _, exited := failure.(*exec.ExitError); failure != nil && !exited {
		t.Fatal(failure)
	}
	return out.String(), err.String(), failure == nil
}

var update = flag.Bool("update", false, "write the expected output in testdata anew")

// golden compares what was written with a file, and holds it to 100 columns.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
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

func lineOf(lines []string, i int) string {
	if i >= len(lines) {
		return "(none)"
	}
	return lines[i]
}

func TestHelpTeaches(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"demo", "replay", "serve", "bench", "wallet demo"}},
		{[]string{"demo", "--help"}, []string{"--db=FILE", "wallet demo --db acme.db"}},
		{[]string{"replay", "--help"}, []string{"--usage=FILE.csv", "--price=COLUMN=MONEY", "(default: 1)", "(default: USD)", "Default: never", "wallet replay --usage tokens.csv"}},
		{[]string{"serve", "--help"}, []string{"--db=FILE", "--dsn=DSN", "wallet serve --db wallets.db"}},
		{[]string{"bench", "--help"}, []string{"--dsn=DSN", "(default: 1,8,64,512)", "(default: 500ms)", "wallet bench --svg bench.svg"}},
	} {
		stdout, stderr, ok := command(t, c.args...)
		if !ok || stderr != "" {
			t.Errorf("%v: failed: %s", c.args, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%v: no %q in:\n%s", c.args, want, stdout)
			}
		}
		for line := range strings.Lines(stdout) {
			if len([]rune(line)) > 101 {
				t.Errorf("%v: wider than 100 columns: %s", c.args, line)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	used := t.TempDir() + "/used.db"
	if err := os.WriteFile(used, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	sample := []string{"replay", "--usage", "testdata/usage.csv", "--time", "time", "--price", "prompt=0.1"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", "--db", used}, "is not empty"},
		{[]string{"replay"}, "missing flags"},
		{sample, "nothing to burn"},
		{append(sample, "--paid", "1", "--db", used), "is not empty"},
		{append(sample, "--paid", "1", "--price", "tokens=1"), `no column "tokens"; the columns are time, prompt, answer`},
		{append(sample, "--paid", "1", "--price", "answer"), "COLUMN=MONEY"},
		{append(sample, "--paid", "1e400"), "--paid"},
		{append(sample, "--paid", "1", "--rate", "0"), "rate"},
		{append(sample, "--paid", "1", "--currency", "DOGE"), "currency"},
		{append(sample, "--paid", "1", "--expires", "soon"), "neither a duration"},
		{append(sample, "--paid", "1", "--expires", "twod"), "neither a duration"},
		{append(sample, "--paid", "1", "--expires", "0d"), "no time at all"},
		{append(sample, "--paid", "1", "--expires", "0s"), "no time at all"},
		{append(sample, "--paid", "1", "--expires", "2020-01-01T00:00:00Z"), "expires_at"},
		{[]string{"serve", "--db", "main_test.go"}, "main_test.go"},
		{[]string{"demo", "--db", "testdata/nowhere/new.db"}, "testdata/nowhere/new.db"},
	} {
		stdout, stderr, ok := command(t, c.args...)
		if ok || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "what was charged") {
			t.Errorf("%v: succeeded: %t; no %q in: %s%s", c.args, ok, c.want, stderr, stdout)
		}
	}
	if left, err := os.ReadFile(used); err != nil || string(left) != "mine" {
		t.Errorf("the file that was refused has changed: %q, %v", left, err)
	}
}

// The README's commands are there as it has them.
func TestReadmeParses(t *testing.T) {
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(strings.ReplaceAll(string(readme), "\\\n", " ")) {
		args, ok := strings.CutPrefix(line, "go run ./cmd/wallet ")
		if !ok {
			continue
		}
		args, _, _ = strings.Cut(args, "#")
		parser, err := kong.New(new(cli))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(args)); err != nil {
			t.Errorf("%s: %v", args, err)
		}
		seen[strings.Fields(args)[0]] = true
	}
	for _, want := range []string{"demo", "replay", "serve", "bench"} {
		if !seen[want] {
			t.Errorf("the README does not show wallet %s", want)
		}
	}
}
