package memory

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
)

// A uid is the bytes of an ID as two numbers, big-endian, so that comparing them compares IDs.
type uid struct{ hi, lo uint64 }

func uidOf(b [16]byte) uid {
	return uid{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (u uid) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], u.hi)
	binary.BigEndian.PutUint64(b[8:], u.lo)
	return b
}

func (u uid) less(v uid) bool { return u.hi < v.hi || u.hi == v.hi && u.lo < v.lo }

// next returns the uid after u; that of the greatest is itself.
func (u uid) next() uid {
	if u == greatest {
		return u
	}
	if u.lo++; u.lo == 0 {
		u.hi++
	}
	return u
}

// greatest is beyond every ID that is minted.
var greatest = uid{math.MaxUint64, math.MaxUint64}

// A list grows at its end. It is made of chunks, so that growing a long one copies nothing and leaves little room unused. The
// last one is at hand: most of what is done is done there.
type list[T any] struct {
	full [][]T
	last []T
	n    int
}

const chunk = 72 // of the lists there are, such chunks fill the sizes that memory comes in

// at returns the element at a position from 0. It stays there until the next push.
func (l *list[T]) at(i int) *T {
	if c := i / chunk; c < len(l.full) {
		return &l.full[c][i%chunk]
	}
	return &l.last[i%chunk]
}

func (l *list[T]) push(v T) {
	if len(l.last) == chunk {
		l.full, l.last = append(l.full, l.last), nil
	}
	if n := len(l.last); n == cap(l.last) {
		bigger := make([]T, n, min(n+max(2, n, l.n/4), chunk))
		copy(bigger, l.last)
		l.last = bigger
	}
	l.last = append(l.last, v)
	l.n++
}

// pop takes the last element off.
func (l *list[T]) pop() {
	if full := len(l.full) - 1; len(l.last) == 0 {
		l.full, l.last = l.full[:full], l.full[full]
	}
	l.n--
	end := len(l.last) - 1
	clear(l.last[end:])
	l.last = l.last[:end]
}

// An ordered list is kept in ascending order, in chunks that are split when they are full. Finding a place takes a binary
// search; adding and removing move a part of one chunk, and every now and then a part of the chunks' directory.
type ordered[T any] struct{ chunks [][]T } // none is empty

// most is how many elements a chunk has.
const most = 128

// A place is where an element is, or would be.
type place struct{ chunk, index int }

// seek returns the place of the first element for which before is false; for those that precede it, before is true.
func (o *ordered[T]) seek(before func(*T) bool) place {
	c := len(o.chunks)
	if c > 0 && before(o.tail(c-1)) { // what is newest is greatest, mostly
		return place{c, 0}
	}
	c = sort.Search(c, func(c int) bool { return !before(o.tail(c)) })
	if c == len(o.chunks) {
		return place{c, 0}
	}
	return place{c, sort.Search(len(o.chunks[c]), func(i int) bool { return !before(&o.chunks[c][i]) })}
}

func (o *ordered[T]) tail(c int) *T { return &o.chunks[c][len(o.chunks[c])-1] }

// at returns the element at a place, and nil behind the last and before the first one.
func (o *ordered[T]) at(p place) *T {
	if p.chunk < 0 || p.chunk == len(o.chunks) {
		return nil
	}
	return &o.chunks[p.chunk][p.index]
}

func (o *ordered[T]) next(p place) place {
	if p.index++; p.index == len(o.chunks[p.chunk]) {
		return place{p.chunk + 1, 0}
	}
	return p
}

// previous returns the place before p, which may be the one behind the last element.
func (o *ordered[T]) previous(p place) place {
	switch {
	case p.index > 0:
		return place{p.chunk, p.index - 1}
	case p.chunk > 0:
		return place{p.chunk - 1, len(o.chunks[p.chunk-1]) - 1}
	}
	return place{-1, 0}
}

// insert adds v at a place found by seek.
func (o *ordered[T]) insert(p place, v T) {
	if p.chunk == len(o.chunks) {
		if p.chunk == 0 {
			o.chunks = append(o.chunks, nil)
		} else if len(o.chunks[p.chunk-1]) == most { // appending fills chunks
			o.chunks = append(o.chunks, make([]T, 0, most))
		} else {
			p = place{p.chunk - 1, len(o.chunks[p.chunk-1])}
		}
	}
	if len(o.chunks[p.chunk]) == most {
		left := o.chunks[p.chunk]
		right := append(make([]T, 0, most), left[most/2:]...)
		clear(left[most/2:])
		o.chunks[p.chunk] = left[:most/2]
		o.chunks = slices.Insert(o.chunks, p.chunk+1, right)
		if p.index > most/2 {
			p = place{p.chunk + 1, p.index - most/2}
		}
	}
	if c := &o.chunks[p.chunk]; p.index == len(*c) {
		*c = append(*c, v)
	} else {
		*c = slices.Insert(*c, p.index, v)
	}
}

// remove takes the element at a place out.
func (o *ordered[T]) remove(p place) {
	if len(o.chunks[p.chunk]) == 1 {
		o.chunks = slices.Delete(o.chunks, p.chunk, p.chunk+1)
		return
	}
	o.chunks[p.chunk] = slices.Delete(o.chunks[p.chunk], p.index, p.index+1)
}
