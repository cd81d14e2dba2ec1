package memory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestKeyring adds keys in runs that ascend, as those ordered by time do, and in runs that do not, and takes some off again. All
// the while the keyring has what was added and was not taken off, and nothing else.
func TestKeyring(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var ring keyring
		var keys, gone []string
		known := map[string]uint32{}
		clock, ascend, back := 0, 0, 0
		for step := range uint32(6000) {
			switch {
			case back > 0 && len(keys) > 0:
				back--
				last := keys[len(keys)-1]
				keys, gone = keys[:len(keys)-1], append(gone, last)
				delete(known, last)
				ring.pop()
			default:
				var key string
				switch {
				case ascend > 0:
					ascend--
					clock++
					key = fmt.Sprintf("%06d%0*d", clock, clock%200, 0)
				case len(gone) > 0 && random.IntN(4) == 0:
					key = gone[random.IntN(len(gone))]
				default:
					key = fmt.Sprint(random.IntN(1_000_000))
				}
				if _, ok := known[key]; ok {
					continue
				}
				if !ring.add(key, outcome{position: step}) {
					t.Fatalf("seed %d, step %d: no room for %q", seed, step, key)
				}
				keys, known[key] = append(keys, key), step
			}
			if random.IntN(100) == 0 {
				ascend, back = random.IntN(4*waiting), 0
				clock = max(clock, random.IntN(1000)*1000)
			}
			if random.IntN(150) == 0 {
				back = random.IntN(2 * waiting)
			}
			for range 4 { // those added last are where the boundary is
				if len(keys) > 0 {
					at := max(0, len(keys)-1-random.IntN(3*waiting))
					wantKey(t, &ring, keys[at], known)
				}
				if len(gone) > 0 {
					wantKey(t, &ring, gone[max(0, len(gone)-1-random.IntN(waiting))], known)
				}
				wantKey(t, &ring, fmt.Sprint(random.IntN(1_000_000)), known)
			}
		}
		for _, key := range append(gone, keys...) {
			wantKey(t, &ring, key, known)
		}
		for range keys {
			ring.pop()
		}
		if len(ring.text.pages) != 1 || len(ring.text.pages[0]) != 0 {
			t.Fatalf("seed %d: of no keys, %d pages are left", seed, len(ring.text.pages))
		}
		if ring.add(strings.Repeat("k", page+1), outcome{}) {
			t.Fatal("added a key longer than a page")
		}
	}
}

func wantKey(t *testing.T, ring *keyring, key string, known map[string]uint32) {
	t.Helper()
	step, want := known[key]
	if o := ring.find(key); (o != nil) != want || want && o.position != step {
		t.Fatalf("%q: found %+v; known is %t, of step %d", key, o, want, step)
	}
}
