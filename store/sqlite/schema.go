package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// version is that of the newest file in schema, which are applied in order of their numbers.
const version = 1

//go:embed schema/*.sql
var schema embed.FS

// shorthands are what the files in schema abbreviate. An amount is a whole number of units, none of them negative, or a number
// in text that begins with a digit and is too large for units: 1 / 2 is 0 among whole numbers only. An expression without functions
// is the cheapest: a statement that inserts several rows, and may call one, has SQLite copy every page before it changes it. The
// rest is for the store's own checks.
var shorthands = map[string]string{
	"amount":    `x BETWEEN 0 AND 9223372036854775807 AND (x * 0 + 1) / 2 IS 0 OR x >= '0' AND x < ':' AND x = CAST(x AS NUMERIC) AND x + 0 >= 9223372`,
	"plain":     `iif(typeof(x) = 'integer', rtrim(rtrim(printf('%d.%012d', (x) / 1000000000000, (x) % 1000000000000), '0'), '.'), x)`,
	"uuid":      `length(x) = 16`,
	"canonical": `lower(substr(hex(x), 1, 8) || '-' || substr(hex(x), 9, 4) || '-' || substr(hex(x), 13, 4) || '-' || substr(hex(x), 17, 4) || '-' || substr(hex(x), 21))`,
	"instant":   `strftime('%Y-%m-%dT%H:%M:%S', (x) / 1000000, 'unixepoch') || printf('.%06dZ', (x) % 1000000)`,
	"more":      `json_extract(t.more, '$.x')`,
}

var shorthand = regexp.MustCompile(`\b(amount|plain|uuid|canonical|instant|more)\(([^)]*)\)`)

// statements returns the statements of a file of schema, written out.
func statements(file string) (string, error) {
	text, err := fs.ReadFile(schema, file)
	if err != nil {
		return "", err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	return shorthand.ReplaceAllStringFunc(strings.Join(lines, ""), func(s string) string {
		m := shorthand.FindStringSubmatch(s)
		return regexp.MustCompile(`\bx\b`).ReplaceAllLiteralString(shorthands[m[1]], m[2])
	}), nil
}

var (
	selectTables  = newQuery("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'wallet_meta'")
	selectVersion = newQuery("SELECT max(version) FROM wallet_meta")
)

// migrate brings the schema up to version. It runs in a write transaction, so that of several processes one does it.
func migrate(s session) error {
	have, err := versionOf(s)
	if err != nil {
		return err
	}
	for n := have + 1; n <= version; n++ {
		text, err := statements(fmt.Sprintf("schema/%04d.sql", n))
		if err != nil {
			return err
		}
		if _, err := s.exec(queryOf(text)); err != nil {
			return fmt.Errorf("sqlite: migration to version %d: %w", n, err)
		}
	}
	return nil
}

// versionOf returns the version of the schema, 0 if there is none. One that this program does not know is an error.
func versionOf(s session) (int64, error) {
	switch n, err := number(s, selectTables); {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, nil
	}
	have, err := number(s, selectVersion)
	if err == nil && have > version {
		err = fmt.Errorf("sqlite: the wallet tables are of version %d, made by a newer program; this one knows version %d", have, version)
	}
	return have, err
}
