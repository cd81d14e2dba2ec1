package engine

import (
	"math/bits"

	"github.com/seed-12493b23/wallet"
)

// cover decides how much of each fee each wallet pays. It returns paid[i][j], the part of fee j that wallet i pays, given
// the money capacity[i] that wallet i has, in wallet order; fees[j], the amount of fee j, in list order; covers(i, j), which
// tells whether wallet i may pay fee j; and minor, the decimals of the currency's minor unit.
//
// How much of each fee: in list order each gets the most that the wallets can add while the fees before it keep their
// totals; what is not the whole fee is rounded down to a minor unit. From which wallets: for those totals, as much as
// possible from the first wallet, then from the second, and so on; then, wallet by wallet, as much as possible for the first
// fee, then for the second, and so on. That leaves one answer.
//
// Why it is right: add a column for the money that stays unspent, and all tables that keep the sums of rows and columns
// differ by moves around cycles: a wallet pays more of one fee and less of another, whose loss the next wallet makes up, and
// so on. The arcs of a table are the single steps that are open to it: from a wallet to each fee it covers (it can pay
// more), and from a fee to each wallet that pays for it (it can pay less). A quantity is at its most when no path of arcs
// would raise it (Ford and Fulkerson). So each is raised along paths until there are none, and then held by taking away the
// arcs that would change it; whatever comes later in the rule is decided among the tables that remain.
//
// Every path is a shortest one (Edmonds and Karp), so no amount enters the bound on their number. To find one takes about
// wallets × fees ÷ 32 steps at worst.
func cover(capacity, fees []wallet.Amount, covers func(i, j int) bool, minor int) [][]wallet.Amount {
	t := newTable(capacity, len(fees))
	unspent := len(fees) // the last column

	// The total of each fee: money moves from the unspent column to the fee's.
	for j, fee := range fees {
		if fee.Sign() <= 0 {
			continue
		}
		for i := range capacity {
			if capacity[i].Sign() > 0 && covers(i, j) {
				t.arcs(i).add(t.fee(j))
			}
		}
		total := t.shift(t.fee(unspent), t.fee(j), fee)
		if total.Cmp(fee) < 0 {
			excess := total.Sub(total.Round(minor, wallet.RoundDown))
			t.shift(t.fee(j), t.fee(unspent), excess)
		}
	}

	// The total of each wallet: less of its money stays unspent, and more of a later wallet's does.
	for i := range capacity {
		t.hold(i, unspent)
		left := &t.cells[i][unspent]
		*left = left.Sub(t.shift(i, t.fee(unspent), *left))
	}

	// Each cell: the wallet pays more of this fee and less of a later one.
	for i := range capacity {
		rest := capacity[i].Sub(t.cells[i][unspent])
		for j := 0; rest.Sign() > 0; j++ { // the row adds up to rest
			if !t.arcs(i).has(t.fee(j)) {
				continue
			}
			t.hold(i, j)
			cell := &t.cells[i][j]
			*cell = cell.Add(t.shift(t.fee(j), i, rest.Sub(*cell)))
			rest = rest.Sub(*cell)
		}
	}

	for i := range t.cells {
		t.cells[i] = t.cells[i][:unspent:unspent]
	}
	return t.cells
}

// A table says how much each wallet (row) pays of each fee (column), and which of that can change. Its wallets and fees are
// the nodes of a graph: first the wallets, then the fees.
type table struct {
	cells [][]wallet.Amount

	width int      // words in a set of nodes
	sets  []uint64 // per node, the set of nodes to which it has an arc
	seen  set      // nodes that the present search has met
	dead  set      // nodes known to have no path to target
	via   []int32  // per node met, the one it was met from
	queue []int32  // nodes met, in that order

	target int // node that the latest search was for
}

// newTable returns the table in which all money is unspent: in the column after those of the fees.
func newTable(capacity []wallet.Amount, fees int) table {
	wallets, columns := len(capacity), fees+1
	nodes := wallets + columns
	width := (nodes + 63) / 64
	words := make([]uint64, (nodes+2)*width)
	links := make([]int32, 2*nodes)
	t := table{
		cells: make([][]wallet.Amount, wallets),
		width: width,
		sets:  words[2*width:],
		seen:  words[:width],
		dead:  words[width : 2*width],
		via:   links[:nodes],
		queue: links[nodes:nodes],

		target: -1,
	}
	all := make([]wallet.Amount, wallets*columns)
	for i, money := range capacity {
		t.cells[i] = all[i*columns : (i+1)*columns]
		t.cells[i][fees] = money
		t.arcs(i).add(t.fee(fees))
		if money.Sign() > 0 {
			t.arcs(t.fee(fees)).add(i)
		}
	}
	return t
}

// fee returns the node of fee j. The node of wallet i is i.
func (t *table) fee(j int) int { return len(t.cells) + j }

// arcs returns the set of nodes to which node has an arc.
func (t *table) arcs(node int) set { return t.sets[node*t.width : (node+1)*t.width] }

// cell returns the cell that an arc from one node to the other changes: up from a wallet to a fee, down from a fee to a
// wallet.
func (t *table) cell(from, to int) *wallet.Amount {
	return &t.cells[min(from, to)][max(from, to)-len(t.cells)]
}

// hold takes the cell of wallet i and fee j away from later searches.
func (t *table) hold(i, j int) {
	t.arcs(i).remove(t.fee(j))
	t.arcs(t.fee(j)).remove(i)
}

// shift changes the cells along paths between two nodes, up and down in turn, by as much as possible and at most limit in
// all. It returns how much that was. What it did to the sums at the two ends is for the caller to make good.
func (t *table) shift(from, to int, limit wallet.Amount) wallet.Amount {
	rest := limit
	for rest.Sign() > 0 && t.search(from, to) {
		step := rest
		for node := to; node != from; node = int(t.via[node]) {
			if node < len(t.cells) {
				step = step.Min(*t.cell(int(t.via[node]), node))
			}
		}
		for node := to; node != from; node = int(t.via[node]) {
			before := int(t.via[node])
			cell := t.cell(before, node)
			if node < len(t.cells) {
				if *cell = cell.Sub(step); cell.IsZero() {
					t.arcs(before).remove(node)
				}
			} else {
				*cell = cell.Add(step)
				t.arcs(node).add(before)
			}
		}
		rest = rest.Sub(step)
	}
	return limit.Sub(rest)
}

// search finds a shortest path between two nodes, and leaves it in via; it reports whether there is one.
//
// What it met in vain stays dead for as long as the target is the same: moves along paths to the target turn no arc of a
// dead node, and all else that happens to arcs meanwhile is that some are held.
func (t *table) search(from, to int) bool {
	if t.target != to {
		t.target = to
		clear(t.dead)
	}
	if t.dead.has(from) {
		return false
	}
	copy(t.seen, t.dead)
	t.seen.add(from)
	t.queue = append(t.queue[:0], int32(from))
	for n := 0; n < len(t.queue); n++ {
		node := int(t.queue[n])
		arcs := t.arcs(node)
		if arcs.has(to) {
			t.via[to] = int32(node)
			return true
		}
		first, end := len(t.cells)/64, t.width // words that hold fees
		if node >= len(t.cells) {
			first, end = 0, len(t.cells)/64+1 // words that hold wallets
		}
		for w := first; w < end; w++ {
			fresh := arcs[w] &^ t.seen[w]
			t.seen[w] |= fresh
			for ; fresh != 0; fresh &= fresh - 1 {
				next := 64*w + bits.TrailingZeros64(fresh)
				t.via[next] = int32(node)
				t.queue = append(t.queue, int32(next))
			}
		}
	}
	copy(t.dead, t.seen)
	return false
}

// A set of nodes, one bit each.
type set []uint64

func (s set) has(n int) bool { return s[n/64]>>(n%64)&1 != 0 }
func (s set) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s set) remove(n int)   { s[n/64] &^= 1 << (n % 64) }
