// Package storetest proves and measures stores and policies.
//
// A store of your own is proved by one test:
//
//	func TestStore(t *testing.T) {
//		storetest.Test(t, func(tb testing.TB) store.Store { return open(tb) })
//	}
//
// [Test] first takes the contract in package store sentence by sentence. Then it runs the engine on the store: random commands
// against a model of the rules (the machine), what time does, who pays a charge, faults at every point, and races. [Policy]
// does the same for a policy of your own, in memory. [Benchmark] measures a store.
//
// How long this takes is for flags to say: -storetest.checks and -rapid.checks (how many random cases each property tries: the
// lesser of the two), -rapid.steps (how many commands a story has), -storetest.steps (how many commands the machine takes,
// whatever its cases), -storetest.callers and -storetest.retries (of races), and -short for a fraction.
package storetest

import (
	"flag"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

var (
	checks  = flag.Int("storetest.checks", 30, "random cases that each property tries, but no more than -rapid.checks")
	steps   = flag.Int("storetest.steps", 0, "commands that the machine takes, story after story, within -rapid.checks of each kind; 0: as -storetest.checks says")
	callers = flag.Int("storetest.callers", 64, "goroutines that race for a wallet")
	retries = flag.Int("storetest.retries", 10_000, "repeats of one command under one key; -short takes a tenth")
)

// Test proves a store. open returns a new, empty one, and leaves its end to tb.Cleanup.
func Test(t *testing.T, open func(testing.TB) store.Store) {
	t.Run("Contract", func(t *testing.T) { testContract(t, open) })
	t.Run("Machine", func(t *testing.T) { testMachine(t, open, nil) })
	t.Run("Time", func(t *testing.T) { testTime(t, open, policies...) })
	t.Run("Steps", func(t *testing.T) { testSteps(t, open(t)) })
	t.Run("Flood", func(t *testing.T) { testFlood(t, open(t)) })
	t.Run("Charges", func(t *testing.T) { testCharges(t, open) })
	t.Run("Laws", func(t *testing.T) { testLaws(t, open) })
	t.Run("Faults", func(t *testing.T) { testFaults(t, open) })
	t.Run("Races", func(t *testing.T) { testRaces(t, open) })
}

// Policy proves a policy: its order is total and the same by comparison and by key, its functions are pure, and the engine
// keeps its promises under it. The machine's wallets are all the policy sees of the world; a policy that tells wallets apart by
// what the machine never sets is proved for the rest only.
func Policy(t *testing.T, p policy.Policy) {
	open := func(testing.TB) store.Store { return memory.New() }
	t.Run("Order", func(t *testing.T) { testOrder(t, p.Order) })
	t.Run("Functions", func(t *testing.T) { testFunctions(t, p) })
	t.Run("Machine", func(t *testing.T) { testMachine(t, open, &p) })
	t.Run("Time", func(t *testing.T) { testTime(t, open, p) })
}

// check tries a property. Once it has failed, it is tried as often as rapid wants, which looks for the least case that fails.
func check(t rapid.TB, property func(*rapid.T)) {
	t.Helper()
	checkUntil(t, func(passed int) bool { return passed >= *checks }, property)
}

// checkUntil is check until so many cases are enough.
func checkUntil(t rapid.TB, enough func(passed int) bool, property func(*rapid.T)) {
	t.Helper()
	passed, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if enough(passed) && !failed {
			return
		}
		ok := false
		defer func() {
			if passed++; !ok {
				failed = true
			}
		}()
		property(rt)
		ok = !rt.Failed()
	})
}
