package storetest

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The model's cover is the best of all tables there are, tried one by one.
func TestCover(t *testing.T) {
	check(t, func(rt *rapid.T) {
		shape := pick(rt, "shape", [2]int{1, 3}, [2]int{2, 2}, [2]int{3, 2}, [2]int{2, 3})
		capacity, fees := make([]int, shape[0]), make([]int, shape[1])
		covers := make([][]bool, shape[0])
		for j := range fees {
			fees[j] = rapid.IntRange(0, 3).Draw(rt, "fee")
		}
		for i := range capacity {
			capacity[i] = rapid.IntRange(0, 4).Draw(rt, "capacity")
			covers[i] = rapid.SliceOfN(rapid.Bool(), len(fees), len(fees)).Draw(rt, "covers")
		}
		unit := pick(rt, "unit", 1, 2)

		tables := allTables(capacity, fees, covers)
		totals := func(table [][]int) (sums []int) {
			for j := range fees {
				sum := 0
				for i := range table {
					sum += table[i][j]
				}
				sums = append(sums, sum)
			}
			return sums
		}
		for j, f := range fees { // each fee the most that is possible while the earlier ones keep theirs
			most := 0
			for _, table := range tables {
				most = max(most, totals(table)[j])
			}
			if most < f {
				most -= most % unit
			}
			tables = slices.DeleteFunc(tables, func(table [][]int) bool { return totals(table)[j] != most })
		}
		want := slices.MaxFunc(tables, func(a, b [][]int) int { return slices.Compare(worth(a), worth(b)) })

		got := cover(bigs(capacity), bigs(fees), covers, big.NewInt(int64(unit)))
		for i := range want {
			for j := range want[i] {
				if got[i][j].Int64() != int64(want[i][j]) {
					rt.Fatalf("cover(%v, %v, %v, %d) = %v, want %v", capacity, fees, covers, unit, got, want)
				}
			}
		}
	})
}

// worth is what tables are compared by: the sums of their rows, then all they hold.
func worth(table [][]int) (figures []int) {
	for _, row := range table {
		sum := 0
		for _, x := range row {
			sum += x
		}
		figures = append(figures, sum)
	}
	return append(figures, slices.Concat(table...)...)
}

// allTables are all the ways to pay: no wallet more than it has, no fee more than it is.
func allTables(capacity, fees []int, covers [][]bool) (all [][][]int) {
	table := make([][]int, len(capacity))
	for i := range table {
		table[i] = make([]int, len(fees))
	}
	left, unpaid := slices.Clone(capacity), slices.Clone(fees)
	var fill func(cell int)
	fill = func(cell int) {
		if cell == len(capacity)*len(fees) {
			var copied [][]int
			for _, row := range table {
				copied = append(copied, slices.Clone(row))
			}
			all = append(all, copied)
			return
		}
		i, j := cell/len(fees), cell%len(fees)
		most := min(left[i], unpaid[j])
		if !covers[i][j] {
			most = 0
		}
		for x := 0; x <= most; x++ {
			table[i][j] = x
			left[i], unpaid[j] = left[i]-x, unpaid[j]-x
			fill(cell + 1)
			left[i], unpaid[j] = left[i]+x, unpaid[j]+x
		}
	}
	fill(0)
	return all
}

func bigs(ints []int) (all []*big.Int) {
	for _, n := range ints {
		all = append(all, big.NewInt(int64(n)))
	}
	return all
}
