package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet"
	"pgregory.net/rapid"
)

func TestCoverExamples(t *testing.T) {
	for _, test := range []struct {
		name     string
		capacity string // of each wallet
		fees     string // amount of each fee
		covers   string // a row per wallet: which fees it may pay
		want     string // a row per wallet
	}{
		{"no wallets", "", "5", "", ""},
		{"no fees", "5", "", "", ""},
		{"enough", "10", "3 4", "11", "3 4"},
		{"short: earlier fees first", "5", "3 4", "11", "3 2"},
		{"exact", "7", "3 4", "11", "3 4"},
		{"empty wallet", "0 5", "3", "1 1", "0/3"},
		{"zero fee", "5", "0 3", "11", "0 3"},
		{"nobody covers", "5 5", "3 4", "01 01", "0 4/0 0"},
		{"wallets in order", "5 5", "3 4", "11 11", "3 2/0 2"},
		{"the only one who can pay makes room", "5 5", "5 5", "11 10", "0 5/5 0"},
		{"through a third wallet", "5 5 5", "5 5 5", "110 011 100", "0 5 0/0 0 5/5 0 0"},
		{"first wallet most, though it is not needed", "5 5", "5", "1 1", "5/0"},
		{"first wallet most, and the second takes another fee", "5 5", "2 5", "10 11", "2 0/0 5"},
		{"rounded down by fee, not by wallet", "0.999 1.006", "5", "1 1", "0.999/1.001"},
		{"whole is not rounded", "0.999 1.006", "2.0045", "1 1", "0.999/1.0055"},
		{"what rounding leaves pays a small fee whole", "1.009", "5 0.004 0.006 0.005", "1111", "1 0.004 0 0.005"},
		{"what rounding leaves of two wallets adds up", "1.007 1.007", "5 5 1", "101 011", "1 0 0.007/0 1 0.003"},
		{"less than a minor unit is nothing", "0.009", "5", "1", "0"},
		{"table: first fee from the first wallet", "3 3", "2 4", "11 11", "2 1/0 3"},
		{"table: first fee from the first wallet, though the second began with it", "2 1", "1 1 1", "111 110", "1 0 1/0 1 0"},
		{"table: later fee only where it must be", "3 3 2", "4 4", "11 01 11", "3 0/0 3/1 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			masks := strings.Fields(test.covers)
			paid := cover(amounts(test.capacity), amounts(test.fees), func(i, j int) bool { return masks[i][j] == '1' }, 2)
			rows := make([]string, len(paid))
			for i, row := range paid {
				rows[i] = strings.Trim(fmt.Sprint(row), "[]")
			}
			if got := strings.Join(rows, "/"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func amounts(list string) (all []wallet.Amount) {
	for _, s := range strings.Fields(list) {
		all = append(all, wallet.MustAmount(s))
	}
	return all
}

// TestCoverDefinition compares with the best of all tables, found by applying the rule to the list of them. Tables of whole
// units are enough: with whole bounds, every step of the rule has a whole optimum.
func TestCoverDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			b := drawBill(t, 3, 6, 3, 5)
			if got, want := b.cover(t), b.best(); !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("%+v: got %v, want %v", b, got, want)
			}
		}
	})
}

// best applies the rule literally to the list of all tables.
func (b *bill) best() [][]int {
	var tables [][][]int
	table := grid[int](b)
	var fill func(cell int)
	fill = func(cell int) {
		if cell == len(b.capacity)*len(b.fees) {
			tables = append(tables, clone(table))
			return
		}
		i, j := cell/len(b.fees), cell%len(b.fees)
		most := 0
		if b.covers[i][j] {
			most = min(b.capacity[i]-sum(table[i]), b.fees[j]-column(table, j))
		}
		for n := range most + 1 {
			table[i][j] = n
			fill(cell + 1)
		}
		table[i][j] = 0
	}
	fill(0)

	for j, fee := range b.fees {
		most := 0
		for _, c := range tables {
			most = max(most, column(c, j))
		}
		if most < fee {
			most -= most % b.unit
		}
		tables = slices.DeleteFunc(tables, func(c [][]int) bool { return column(c, j) != most })
	}
	return slices.MaxFunc(tables, func(c, d [][]int) int {
		for i := range c {
			if sum(c[i]) != sum(d[i]) {
				return sum(c[i]) - sum(d[i])
			}
		}
		return slices.CompareFunc(c, d, slices.Compare)
	})
}

// TestCoverFlow compares larger bills with maximum flows, one for each figure that the rule names.
func TestCoverFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBill(t, 6, 20, 8, 20)
		got := b.cover(t)

		totals := make([]int, len(b.fees))
		for j, fee := range b.fees {
			totals[j] = fee
			totals[j] = flow(b.capacity, totals, b.covers) - sum(totals[:j])
			if totals[j] < fee {
				totals[j] -= totals[j] % b.unit
			}
			if column(got, j) != totals[j] {
				t.Fatalf("%+v: %v pays %d of fee %d, want %d", b, got, column(got, j), j, totals[j])
			}
		}

		// Of the wallets' totals, each is what the wallets up to it can pay more than those before it.
		shares := make([]int, len(b.capacity))
		for i, capacity := range b.capacity {
			shares[i] = capacity
			shares[i] = flow(shares, totals, b.covers) - sum(shares[:i])
			if sum(got[i]) != shares[i] {
				t.Fatalf("%+v: %v takes %d from wallet %d, want %d", b, got, sum(got[i]), i, shares[i])
			}
		}

		// Of the cells, each is the largest number with which the rest still adds up.
		open := clone(b.covers)
		for i := range got {
			for j := range got[i] {
				if !open[i][j] {
					if got[i][j] != 0 {
						t.Fatalf("%+v: %v: wallet %d does not cover fee %d", b, got, i, j)
					}
					continue
				}
				open[i][j] = false
				n := min(shares[i], totals[j])
				for ; ; n-- {
					shares[i], totals[j] = shares[i]-n, totals[j]-n
					if flow(shares, totals, open) == sum(totals) {
						break
					}
					shares[i], totals[j] = shares[i]+n, totals[j]+n
				}
				if got[i][j] != n {
					t.Fatalf("%+v: %v: wallet %d pays %d of fee %d, want %d", b, got, i, got[i][j], j, n)
				}
			}
		}
	})
}

// flow returns the most that can flow from sources to sinks over the open pairs.
func flow(sources, sinks []int, open [][]bool) int {
	sources, sinks = slices.Clone(sources), slices.Clone(sinks)
	through := make([][]int, len(sources))
	for i := range through {
		through[i] = make([]int, len(sinks))
	}
	var from, met []bool // sources and sinks that the present path has been at
	var send func(i, most int) int
	send = func(i, most int) int {
		if from[i] {
			return 0
		}
		from[i] = true
		for j := range sinks {
			if !open[i][j] || met[j] {
				continue
			}
			met[j] = true
			n := min(most, sinks[j])
			sinks[j] -= n
			for k := 0; n == 0 && k < len(sources); k++ {
				if through[k][j] > 0 {
					n = send(k, min(most, through[k][j]))
					through[k][j] -= n
				}
			}
			if n > 0 {
				through[i][j] += n
				return n
			}
		}
		return 0
	}
	total := 0
	for i := range sources {
		for n := -1; n != 0 && sources[i] > 0; {
			from, met = make([]bool, len(sources)), make([]bool, len(sinks))
			n = send(i, sources[i])
			sources[i] -= n
			total += n
		}
	}
	return total
}

// TestCoverAlike: where every wallet covers every fee, both are gone through in order.
func TestCoverAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBill(t, 10, 300, 80, 60)
		for i := range b.covers {
			for j := range b.covers[i] {
				b.covers[i][j] = true
			}
		}
		got, want := b.cover(t), grid[int](b)
		money, left := sum(b.capacity), slices.Clone(b.capacity)
		for j, fee := range b.fees {
			total := min(fee, money)
			if total < fee {
				total -= total % b.unit
			}
			money -= total
			for i := range left {
				n := min(total, left[i])
				want[i][j] = n
				left[i] -= n
				total -= n
			}
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%+v: got %v, want %v", b, got, want)
		}
	})
}

// TestCoverLarge checks what can be told from the answer alone, on bills that need several words to a set.
func TestCoverLarge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBill(t, 70, 1000, 150, 500)
		got := b.cover(t)
		totals := make([]int, len(b.fees))
		for j, fee := range b.fees {
			totals[j] = column(got, j)
			if totals[j] > fee || totals[j] < fee && totals[j]%b.unit != 0 {
				t.Fatalf("fee %d of %d gets %d", j, fee, totals[j])
			}
		}
		// reach tells which wallets could pay less if one of these fees needed less, with some cells held.
		reach := func(start []int, held func(i, j int) bool) []bool {
			wallets, fees := make([]bool, len(b.capacity)), make([]bool, len(b.fees))
			for queue := start; len(queue) > 0; queue = queue[1:] {
				j := queue[0]
				for i := range wallets {
					if wallets[i] || got[i][j] == 0 || held(i, j) {
						continue
					}
					wallets[i] = true
					for k := range fees {
						if b.covers[i][k] && !held(i, k) && !fees[k] {
							fees[k] = true
							queue = append(queue, k)
						}
					}
				}
			}
			return wallets
		}
		for i, row := range got {
			if sum(row) > b.capacity[i] {
				t.Fatalf("wallet %d of %d pays %d", i, b.capacity[i], sum(row))
			}
			var covered []int
			for j := range row {
				if b.covers[i][j] {
					covered = append(covered, j)
				}
				if row[j] < 0 || row[j] > 0 && !b.covers[i][j] {
					t.Fatalf("wallet %d pays %d of fee %d", i, row[j], j)
				}
			}
			later := reach(covered, func(int, int) bool { return false })
			if k := slices.Index(later[i+1:], true); k >= 0 && sum(row) < b.capacity[i] {
				t.Fatalf("wallet %d could pay more, and %d less", i, i+1+k)
			}
		}
		for range 50 {
			i := rapid.IntRange(0, len(b.capacity)-1).Draw(t, "wallet")
			j := rapid.IntRange(0, len(b.fees)-1).Draw(t, "fee")
			if b.covers[i][j] && reach([]int{j}, func(k, l int) bool { return k < i || k == i && l <= j })[i] {
				t.Fatalf("wallet %d could pay more of fee %d, and less of a later one", i, j)
			}
		}
		for range 5 {
			j := rapid.IntRange(0, len(b.fees)-1).Draw(t, "short fee")
			if totals[j] == b.fees[j] {
				continue
			}
			more := slices.Clone(totals[:j+1])
			more[j] = min(b.fees[j], more[j]+b.unit)
			if flow(b.capacity, more, b.covers) == sum(more) {
				t.Fatalf("fee %d gets %d and could get %d", j, totals[j], more[j])
			}
		}
	})
}

// A bill is the input of cover, counted in equal parts of a minor unit.
type bill struct {
	unit           int // parts in a minor unit
	minor          int
	capacity, fees []int
	covers         [][]bool
}

// drawBill draws a bill of at most so many wallets and fees, and often as many, with amounts of at most so many parts.
func drawBill(t *rapid.T, wallets, money, fees, amount int) *bill {
	list := func(name string, size, most int) []int {
		least := 1
		if rapid.Bool().Draw(t, "all "+name) {
			least = size
		}
		return rapid.SliceOfN(rapid.IntRange(0, most), least, size).Draw(t, name)
	}
	b := &bill{
		unit:     rapid.SampledFrom([]int{1, 2, 4, 5}).Draw(t, "unit"),
		minor:    rapid.SampledFrom([]int{0, 2, 3}).Draw(t, "minor"),
		capacity: list("capacity", wallets, money),
		fees:     list("fees", fees, amount),
	}
	open := rapid.SampledFrom([]int{2, 4, 5, 6, 8, 10}).Draw(t, "open") // tenths of the pairs
	rng := rand.New(rand.NewPCG(uint64(open), rapid.Uint64().Draw(t, "seed")))
	b.covers = grid[bool](b)
	for i := range b.covers {
		for j := range b.covers[i] {
			b.covers[i][j] = rng.IntN(10) < open
		}
	}
	return b
}

// grid returns a row per wallet, with a zero per fee.
func grid[T any](b *bill) [][]T {
	rows := make([][]T, len(b.capacity))
	for i := range rows {
		rows[i] = make([]T, len(b.fees))
	}
	return rows
}

// cover calls cover, twice, and returns the answer in parts.
func (b *bill) cover(t *rapid.T) [][]int {
	money := func(parts []int) (all []wallet.Amount) {
		for _, n := range parts {
			a, err := wallet.NewAmount(int64(n*1000/b.unit), b.minor+3)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		return all
	}
	covers := func(i, j int) bool { return b.covers[i][j] }
	capacity, fees := money(b.capacity), money(b.fees)
	paid := cover(capacity, fees, covers, b.minor)
	again := cover(capacity, fees, covers, b.minor)
	part := 1000 / b.unit
	thousandths := wallet.MustAmount("1" + strings.Repeat("0", b.minor+3))
	rows := grid[int](b)
	for i := range paid {
		if len(paid) != len(b.capacity) || len(paid[i]) != len(b.fees) {
			t.Fatalf("got %d rows of %d, want %d of %d", len(paid), len(paid[i]), len(b.capacity), len(b.fees))
		}
		for j, a := range paid[i] {
			if !a.Equal(again[i][j]) {
				t.Fatalf("%+v: %v, then %v", b, paid, again)
			}
			n, err := strconv.Atoi(a.Mul(thousandths).String())
			if err != nil || n%part != 0 {
				t.Fatalf("%+v: %v is not whole parts", b, a)
			}
			rows[i][j] = n / part
		}
	}
	return rows
}

func clone[T any](table [][]T) [][]T {
	rows := slices.Clone(table)
	for i := range rows {
		rows[i] = slices.Clone(rows[i])
	}
	return rows
}

func column(table [][]int, j int) (total int) {
	for _, row := range table {
		total += row[j]
	}
	return total
}

func sum(list []int) (total int) {
	for _, n := range list {
		total += n
	}
	return total
}

func BenchmarkCover(b *testing.B) {
	for _, size := range []struct{ wallets, fees int }{{1, 1}, {3, 3}, {10, 50}, {50, 1000}, {1000, 1000}} {
		for _, open := range []int{5, 10} { // tenths of the pairs
			b.Run(fmt.Sprintf("%dx%d/open=%d%%", size.wallets, size.fees, 10*open), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 2))
				draw := func(n, by int) []wallet.Amount { // as much money as there are fees, on average
					all := make([]wallet.Amount, n)
					for i := range all {
						all[i], _ = wallet.NewAmount(rng.Int64N(1e9)*int64(by), 5)
					}
					return all
				}
				capacity, fees := draw(size.wallets, size.fees), draw(size.fees, size.wallets)
				covered := make([]bool, size.wallets*size.fees)
				for k := range covered {
					covered[k] = rng.IntN(10) < open
				}
				b.ReportAllocs()
				for b.Loop() {
					cover(capacity, fees, func(i, j int) bool { return covered[i*size.fees+j] }, 2)
				}
			})
		}
	}
}
