package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Whatever the planner believes of tables that were empty when it looked, statements about many rows find each by an index, and
// are driven from the list of what to find.
func TestPlans(t *testing.T) {
	s := openWith(t, nil)
	create(t, s, "ann", 1)
	c := must(s.pool.Acquire(ctx))
	defer c.Release()
	must(c.Exec(ctx, s.names.in("VACUUM ANALYZE {customer}, {state}, {record}, {lot}, {transaction}, {key}, {hold}")))
	must(c.Exec(ctx, "BEGIN"))
	defer c.Exec(ctx, "ROLLBACK")
	must(c.Exec(ctx, setLocal))
	statements := []string{lockCustomers, findCustomers, editions, loadWallets, loadHeads, selectOutcomes, changed.many, heated.many}
	for _, target := range []*target{oldRecords, states, debited, oldLots, movedLots, finished, oldHolds} {
		statements = append(statements, target.updates[1])
	}
	statements = append(statements, goneLots.deletes[1])
	for i, sql := range statements {
		params := 0
		for _, n := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
			params = max(params, must(strconv.Atoi(n[1])))
		}
		must(c.Exec(ctx, fmt.Sprintf("PREPARE plan%d AS %s", i, s.names.in(sql))))
		rows := must(c.Query(ctx, fmt.Sprintf("EXPLAIN EXECUTE plan%d (%s)", i, strings.TrimSuffix(strings.Repeat("NULL,", params), ","))))
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		first := regexp.MustCompile("Scan .*").FindString(strings.ReplaceAll(plan, "CTE Scan", ""))
		if !strings.Contains(first, " u ") || regexp.MustCompile("Seq Scan|Hash|Merge").MatchString(plan) {
			t.Errorf("%s\n%s", sql, plan)
		}
	}
}
