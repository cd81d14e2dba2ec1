//go:build !js && !wasip1

package wallet_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/seed-12493b23/wallet"

// storeys are the packages from the ground up: each may import those below it, and nothing else of this module.
var storeys = []string{".", "policy", "store", "engine", "rest", "cmd"}

// storey tells on which storey a directory is. Stores are tools of the host, on a level with store itself; storetest proves
// whole engines, and stands above.
func storey(dir string) int {
	top, _, _ := strings.Cut(dir, "/")
	if dir == "store/storetest" {
		top = "engine"
	}
	return slices.Index(storeys, top)
}

// A source is a Go file of this repository and what it imports.
type source struct {
	dir, name string
	isTest    bool
	imports   []string
}

// sources are the Go files of this repository, nested modules included.
func sources(t *testing.T) (all []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || file != "." && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{dir: path.Dir(filepath.ToSlash(file)), name: filepath.ToSlash(file), isTest: strings.HasSuffix(name, "_test.go")}
		for _, i := range parsed.Imports {
			s.imports = append(s.imports, must(strconv.Unquote(i.Path.Value)))
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) < 20 {
		t.Fatalf("got %d files, error %v", len(all), err)
	}
	return all
}

// Imports point one way: wallet, policy, store, engine, rest, cmd.
func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest {
			continue
		}
		for _, imported := range s.imports {
			rest, ours := strings.CutPrefix(imported+"/", module+"/")
			if !ours {
				continue
			}
			to := path.Clean(rest)
			if from := storey(s.dir); from < 0 || storey(to) > from || from != storey("cmd") && to == "cmd" {
				t.Errorf("%s imports %s", s.name, imported)
			}
			if to == "engine" && !strings.HasPrefix(s.dir+"/", "rest/") && s.dir != "store/storetest" && !strings.HasPrefix(s.dir, "cmd/") {
				t.Errorf("%s imports the engine", s.name)
			}
		}
	}
}

// Each dependency has its place.
func TestDependenciesHaveTheirPlace(t *testing.T) {
	below := func(dir string) func(source) bool {
		return func(s source) bool { return s.dir == dir || strings.HasPrefix(s.dir, dir+"/") }
	}
	tests := func(s source) bool { return s.isTest || s.dir == "store/storetest" }
	places := map[string]func(source) bool{
		"github.com/cockroachdb/apd": func(s source) bool { return s.name == "amount.go" },
		"github.com/google/uuid":     func(s source) bool { return s.name == "wallet.go" },
		"modernc.org/sqlite":         func(s source) bool { return s.isTest || below("store/sqlite")(s) },
		"github.com/jackc/pgx":       func(s source) bool { return below("store/postgres")(s) || below("cmd")(s) },
		"pgregory.net/rapid":         tests,
		"testing":                    tests,
		module + "/store/storetest":  func(s source) bool { return s.isTest || below("cmd")(s) },
		module + "/store/sqlite":     func(s source) bool { return s.isTest || below("cmd")(s) },
		module + "/store/internal":   below("store"),
	}
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			for name, allowed := range places {
				if isWithin(imported, name) && !allowed(s) {
					t.Errorf("%s imports %s", s.name, imported)
				}
			}
		}
	}
}

func isWithin(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }

// A program links no more than what it uses needs: SQLite only with its store, and no test code.
func TestPrograms(t *testing.T) {
	always := []string{"pgregory.net/rapid", "testing", "net/http"}
	sqlite := []string{"modernc.org", module + "/store/sqlite", "database/sql"}
	engine := []string{module + "/engine", module + "/rest"}
	for pkg, absent := range map[string][]string{
		".":              append(sqlite, module+"/policy", module+"/store", module+"/engine"),
		"./policy":       append(sqlite, module+"/store", module+"/engine"),
		"./store":        append(sqlite, engine...),
		"./store/memory": append(sqlite, engine...),
		"./engine":       append(sqlite, module+"/store/memory", module+"/rest"),
		"./store/sqlite": append(engine, module+"/store/memory"),
	} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for _, dep := range strings.Fields(string(out)) {
			for _, tree := range slices.Concat(absent, always) {
				if isWithin(dep, tree) && dep != "database/sql/driver" {
					t.Errorf("%s links %s", pkg, dep)
				}
			}
		}
	}
}

// The module requires four others directly.
func TestRequirements(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Module  struct{ Path string }
		Go      string
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range mod.Require {
		if !r.Indirect {
			got = append(got, r.Path)
		}
	}
	want := []string{"github.com/cockroachdb/apd/v3", "github.com/google/uuid", "modernc.org/sqlite", "pgregory.net/rapid"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got direct requirements %q, want %q", got, want)
	}
	if mod.Module.Path != module || !strings.HasPrefix(mod.Go, "1.25") || len(mod.Replace) != 0 {
		t.Errorf("got module %s, go %s, %d replacements", mod.Module.Path, mod.Go, len(mod.Replace))
	}
}

// Whoever opens the house sees this.
func TestTopLevel(t *testing.T) {
	listed := strings.Fields(`doc.go wallet.go transaction.go amount.go errors.go policy store engine rest cmd
		go.mod go.sum go.work go.work.sum README.md LICENSE .ci .gitignore testdata .git`)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(listed, e.Name()) && !strings.HasSuffix(e.Name(), "_test.go") {
			t.Errorf("%s is there", e.Name())
		}
	}
}
