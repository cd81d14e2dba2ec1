package engine_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the stories, instead of comparing")

// TestStories tells the stories in testdata to an engine on each of the stores.
//
// A file has stories, each of which begins with a line "=== title" and an empty store at midnight on 1 January 2026. A story
// is commands, a line each (what is indented continues the line before), then a line "----", then what they say, up to the
// next empty line. Lines that begin with # are remarks. [teller.tell] knows the commands.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) { tellFile(t, file, open) })
		})
	}
}

func tellFile(t *testing.T, file string, open func(testing.TB) store.Store) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "=== "
	stories := strings.Split("\n"+string(text), "\n"+mark)
	told := stories[:1]
	for _, s := range stories[1:] {
		title, _, _ := strings.Cut(s, "\n")
		t.Run(title, func(t *testing.T) {
			told = append(told, newTeller(on(t, open(t), policy.Policy{})).tellStory(s))
		})
	}
	got := strings.TrimPrefix(strings.Join(told, "\n"+mark), "\n")
	if *rewrite && !t.Failed() {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tellStory returns the story with what its commands say, and fails the test where that is not what they said before.
func (l *teller) tellStory(story string) string {
	const end = "----"
	var told, commands []string
	lines := strings.Split(story, "\n")
	told, lines = append(told, lines[0]), lines[1:]
	for len(lines) > 0 {
		line := lines[0]
		told, lines = append(told, line), lines[1:]
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case line != end && strings.HasPrefix(line, " "):
			commands[len(commands)-1] += line
		case line != end:
			commands = append(commands, line)
		default:
			var want, got []string
			for len(lines) > 0 && lines[0] != "" {
				want, lines = append(want, lines[0]), lines[1:]
			}
			for _, c := range commands {
				got = append(got, l.tell(c)...)
			}
			if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w && !*rewrite {
				l.t.Fatalf("after\n%s\ngot\n%s\nwant\n%s", strings.Join(commands, "\n"), g, w)
			}
			told, commands = append(told, got...), nil
		}
	}
	if len(commands) > 0 {
		l.t.Fatalf("nothing is expected of %q", commands)
	}
	return strings.Join(told, "\n")
}
