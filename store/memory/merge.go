package memory

import "iter"

// A stream goes through IDs in one direction.
type stream interface {
	current() (uid, bool) // false behind the last
	next()
	owner() *ledger  // of the current ID
	record() *record // of the current ID; nil: it names a wallet, or a lot alone
}

// An indexStream goes through one part of an index.
type indexStream struct {
	entries   *ordered[entry]
	place     place
	low, high uid
	ascending bool
}

func (s *indexStream) current() (uid, bool) {
	e := s.entries.at(s.place)
	if e == nil || e.id.less(s.low) || !e.id.less(s.high) {
		return uid{}, false
	}
	return e.id, true
}

func (s *indexStream) next() {
	if s.ascending {
		s.place = s.entries.next(s.place)
	} else {
		s.place = s.entries.previous(s.place)
	}
}

func (s *indexStream) owner() *ledger { return s.entries.at(s.place).ledger }

func (s *indexStream) record() *record {
	e := s.entries.at(s.place)
	if i := e.ledger.find(e.id); i >= 0 {
		return e.ledger.records.at(i)
	}
	return nil
}

// A ledgerStream goes through a ledger's transactions, or its pending ones.
type ledgerStream struct {
	ledger  *ledger
	pending bool
	i, n    int // the current one, and how many are left
	step    int
}

func (s *ledgerStream) current() (uid, bool) {
	if s.n == 0 {
		return uid{}, false
	}
	return s.record().id, true
}

func (s *ledgerStream) next() { s.i, s.n = s.i+s.step, s.n-1 }

func (s *ledgerStream) owner() *ledger { return s.ledger }

func (s *ledgerStream) record() *record {
	if s.pending {
		return s.ledger.records.at(int(s.ledger.pending[s.i]))
	}
	return s.ledger.records.at(s.i)
}

// merge yields the stream that is next to be read, at each ID of all the streams.
func merge(streams []stream, ascending bool) iter.Seq[stream] {
	return func(yield func(stream) bool) {
		h := heap{ascending: ascending}
		for _, s := range streams {
			h.push(s)
		}
		for len(h.heads) > 0 && yield(h.heads[0].stream) {
			h.advance()
		}
	}
}

// A heap has the streams that are not at their end; the one to read next is first.
type heap struct {
	heads     []head
	ascending bool
}

type head struct {
	id     uid
	stream stream
}

func (h *heap) before(i, j int) bool { return h.heads[i].id.less(h.heads[j].id) == h.ascending }

func (h *heap) push(s stream) {
	id, ok := s.current()
	if !ok {
		return
	}
	h.heads = append(h.heads, head{id, s})
	for i := len(h.heads) - 1; i > 0 && h.before(i, (i-1)/2); i = (i - 1) / 2 {
		h.heads[i], h.heads[(i-1)/2] = h.heads[(i-1)/2], h.heads[i]
	}
}

// advance takes the first stream one step further.
func (h *heap) advance() {
	var ok bool
	first := &h.heads[0]
	first.stream.next()
	if first.id, ok = first.stream.current(); !ok {
		last := len(h.heads) - 1
		h.heads[0] = h.heads[last]
		h.heads = h.heads[:last]
	}
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h.heads) {
			return
		}
		if child+1 < len(h.heads) && h.before(child+1, child) {
			child++
		}
		if !h.before(child, i) {
			return
		}
		h.heads[i], h.heads[child] = h.heads[child], h.heads[i]
		i = child
	}
}
