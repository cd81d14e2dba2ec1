package storetest

import "math/big"

// cover says how much each wallet pays of each fee, straight from the rule: the fees in list order, each the most that the
// wallets can add while the earlier ones keep theirs, and rounded down to minor units unless that is all of it; then, for
// these totals, as much as possible from the first wallet, then the second; then the table, read by wallet and by fee, the
// greatest. Each of these is the greatest flow through one arc of a small network, while the arcs settled before keep theirs.
// All amounts are counted in the last of their 12 decimals.
func cover(capacity, fees []*big.Int, covers [][]bool, minorUnit *big.Int) [][]*big.Int {
	n := network{nodes: 1 + len(capacity) + len(fees)} // node 0 is where all comes from, and goes to
	wallets, sinks, table := make([]*arc, len(capacity)), make([]*arc, len(fees)), make([][]*arc, len(capacity))
	for i, c := range capacity {
		wallets[i] = n.add(0, 1+i, c)
		table[i] = make([]*arc, len(fees))
		for j, f := range fees {
			if covers[i][j] {
				table[i][j] = n.add(1+i, 1+len(capacity)+j, f)
			}
		}
	}
	for j := range fees {
		sinks[j] = n.add(1+len(capacity)+j, 0, new(big.Int)) // nothing until its turn comes
	}
	for j, f := range fees {
		sinks[j].most = f
		paid := n.most(sinks[j])
		if paid.Cmp(f) < 0 {
			paid = new(big.Int).Sub(paid, new(big.Int).Mod(paid, minorUnit))
		}
		sinks[j].settle(paid)
	}
	for _, a := range wallets {
		a.settle(n.most(a))
	}
	paid := make([][]*big.Int, len(capacity))
	for i := range capacity {
		paid[i] = make([]*big.Int, len(fees))
		for j := range fees {
			paid[i][j] = new(big.Int)
			if a := table[i][j]; a != nil {
				paid[i][j] = n.most(a)
				a.settle(paid[i][j])
			}
		}
	}
	return paid
}

// A network is arcs between nodes, through which a circulation may flow: what enters a node leaves it.
type network struct {
	nodes int
	arcs  []*arc
}

// An arc carries from least to most.
type arc struct {
	from, to    int
	least, most *big.Int
}

func (n *network) add(from, to int, most *big.Int) *arc {
	a := &arc{from, to, new(big.Int), most}
	n.arcs = append(n.arcs, a)
	return a
}

func (a *arc) settle(flow *big.Int) { a.least, a.most = flow, flow }

// most is the greatest flow through an arc in any circulation, of which there is one. By Hoffman's theorem the tightest cut
// tells it: for any set of nodes that the arc leaves, what leaves the set is what enters it, so the arc carries no more than
// all that may enter, less all that must leave by other arcs. There are few nodes: every set is tried.
func (n *network) most(a *arc) *big.Int {
	best := a.most
	for set := range 1 << n.nodes {
		inside := func(node int) bool { return set>>node&1 == 1 }
		if !inside(a.from) || inside(a.to) {
			continue
		}
		bound := new(big.Int)
		for _, b := range n.arcs {
			switch {
			case b == a:
			case !inside(b.from) && inside(b.to):
				bound.Add(bound, b.most)
			case inside(b.from) && !inside(b.to):
				bound.Sub(bound, b.least)
			}
		}
		if bound.Cmp(best) < 0 {
			best = bound
		}
	}
	return best
}
