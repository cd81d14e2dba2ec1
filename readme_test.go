//go:build !js && !wasip1

package wallet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whatever Go the README shows is either a program, which is run, or stands in a test of this directory or of a
// store, which is run too.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var tested []string
	here, _ := filepath.Glob("*_test.go")
	stores, _ := filepath.Glob("store/*/*_test.go")
	for _, name := range append(here, stores...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tested = append(tested, code(string(text))...)
	}

	blocks := strings.Split(string(readme), "```")
	count := 0
	for i := 1; i < len(blocks); i += 2 {
		text, isGo := strings.CutPrefix(blocks[i], "go\n")
		if !isGo {
			continue
		}
		count++
		if strings.HasPrefix(text, "package main") {
			want := strings.TrimPrefix(blocks[i+2], "text\n")
			if got := run(t, text); got != want {
				t.Errorf("the program says\n%swant\n%s", got, want)
			}
		} else if !within(tested, code(text)) {
			t.Errorf("not in any test:\n%s", text)
		}
	}
	if count < 7 {
		t.Errorf("only %d blocks of Go in README.md", count)
	}
}

// run runs a program of one file.
func run(t *testing.T, program string) string {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// code returns the lines of a program, without indentation and empty ones.
func code(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// within reports whether part stands in all, line by line.
func within(all, part []string) bool {
	for i := range len(all) - len(part) + 1 {
		if slices.Equal(all[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
