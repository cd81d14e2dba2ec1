package memory

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestOrdered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var o ordered[int]
	var want []int
	seek := func(v int) place { return o.seek(func(e *int) bool { return *e < v }) }
	all := func() (got []int) {
		for p := (place{}); o.at(p) != nil; p = o.next(p) {
			got = append(got, *o.at(p))
		}
		return got
	}
	for step := range 60_000 {
		v := random.IntN(30_000)
		if step/10_000%3 == 2 && len(want) > 0 { // shrink for a while
			v = want[random.IntN(len(want))]
		}
		at, known := slices.BinarySearch(want, v)
		if e := o.at(seek(v)); known != (e != nil && *e == v) {
			t.Fatalf("step %d: seek %d: known %t", step, v, known)
		}
		if known {
			o.remove(seek(v))
			want = slices.Delete(want, at, at+1)
		} else {
			o.insert(seek(v), v)
			want = slices.Insert(want, at, v)
		}
		if step%5000 == 0 {
			if got := all(); !slices.Equal(got, want) {
				t.Fatalf("step %d: got %v, want %v", step, got, want)
			}
		}
	}
	got := all()
	slices.Reverse(got)
	var back []int
	for p := o.previous(place{len(o.chunks), 0}); o.at(p) != nil; p = o.previous(p) {
		back = append(back, *o.at(p))
	}
	if !slices.Equal(back, got) {
		t.Errorf("backwards: got %v, want %v", back, got)
	}
}

// TestSplit inserts at each place of a full chunk.
func TestSplit(t *testing.T) {
	for at := range most + 1 {
		var o ordered[int]
		for i := range most {
			o.insert(place{len(o.chunks), 0}, 2*i)
		}
		o.insert(o.seek(func(e *int) bool { return *e < 2*at-1 }), 2*at-1)
		n, last := 0, -2
		for p := (place{}); o.at(p) != nil; p = o.next(p) {
			if *o.at(p) <= last {
				t.Fatalf("at %d: %d comes after %d", at, *o.at(p), last)
			}
			n, last = n+1, *o.at(p)
		}
		if n != most+1 {
			t.Fatalf("at %d: %d elements, want %d", at, n, most+1)
		}
	}
}

func TestList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l list[int]
	var want []int
	for step := range 5000 {
		if random.IntN(5) < 3 || len(want) == 0 {
			l.push(step)
			want = append(want, step)
		} else {
			l.pop()
			want = want[:len(want)-1]
		}
		if l.n != len(want) {
			t.Fatalf("step %d: %d elements, want %d", step, l.n, len(want))
		}
	}
	for i, v := range want {
		if *l.at(i) != v {
			t.Fatalf("at %d: got %d, want %d", i, *l.at(i), v)
		}
	}
}
