package unit

import (
	"bytes"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// lots are the loaded lots of a wallet: the first ones by key, and some beyond. Lots are found by key or ID, never by index.
type lots struct {
	first  []*Lot // every open lot whose key is at most bound, by key; closed ones among them are skipped
	beyond []*Lot // others that happen to be loaded
	bound  []byte // nil: none
	all    bool   // first has every open lot, beyond none

	index map[wallet.TransactionID]*Lot // nil while there are few
}

// few lots are searched one by one.
const few = 8

// find returns a loaded lot.
func (s *lots) find(id wallet.TransactionID) *Lot {
	if s.index == nil {
		if len(s.first)+len(s.beyond) <= few {
			for _, l := range s.first {
				if l.ID == id {
					return l
				}
			}
			for _, l := range s.beyond {
				if l.ID == id {
					return l
				}
			}
			return nil
		}
		s.index = make(map[wallet.TransactionID]*Lot, 2*few)
		for _, l := range s.first {
			s.index[l.ID] = l
		}
		for _, l := range s.beyond {
			s.index[l.ID] = l
		}
	}
	return s.index[id]
}

// next returns the first open lot behind a key among the first lots, or nil.
func (s *lots) next(after []byte) *Lot {
	i := 0
	if after != nil {
		i = s.after(after)
	}
	for ; i < len(s.first); i++ {
		if l := s.first[i]; !l.Closed() {
			return l
		}
	}
	return nil
}

// after returns where in first the lots behind a key begin.
func (s *lots) after(key []byte) int {
	i, found := slices.BinarySearchFunc(s.first, key, byKey)
	if found {
		i++
	}
	return i
}

func byKey(l *Lot, key []byte) int { return bytes.Compare(l.Key, key) }

// Head is how many lots of a wallet are loaded first. A statement of the Postgres store says it, too.
const Head = 4

// page is how many lots to load next: more and more.
func (s *lots) page() int { return min(max(Head, 2*len(s.first)), 1024) }

// extend adds what was read behind bound; fewer than page() are the last.
func (s *lots) extend(rows []*Lot) {
	s.all = len(rows) < s.page()
	if !s.all {
		s.bound = rows[len(rows)-1].Key
	}
	for _, l := range rows {
		if s.find(l.ID) == nil { // else it is loaded, and maybe changed
			s.first = append(s.first, l)
			if s.index != nil {
				s.index[l.ID] = l
			}
		}
	}
	beyond := s.beyond
	s.beyond = nil
	for _, l := range beyond {
		s.place(l)
	}
}

func (s *lots) insert(l *Lot) {
	s.place(l)
	if s.index != nil {
		s.index[l.ID] = l
	}
}

func (s *lots) place(l *Lot) {
	if !s.all && (s.bound == nil || bytes.Compare(l.Key, s.bound) > 0) {
		s.beyond = append(s.beyond, l)
		return
	}
	i, _ := slices.BinarySearchFunc(s.first, l.Key, byKey)
	s.first = slices.Insert(s.first, i, l)
}

func (s *lots) remove(l *Lot) {
	is := func(other *Lot) bool { return other == l }
	s.first = slices.DeleteFunc(s.first, is)
	s.beyond = slices.DeleteFunc(s.beyond, is)
	delete(s.index, l.ID)
}

// prune drops the closed lots, and most of those that nobody will need soon. All changes have been written.
func (s *lots) prune() {
	s.first = slices.DeleteFunc(s.first, (*Lot).Closed)
	s.beyond = nil
	s.index = nil
	if len(s.first) > 2*lotRoom {
		s.first = slices.Clone(s.first[:lotRoom])
		s.bound, s.all = s.first[lotRoom-1].Key, false
	}
}

// expiring returns the loaded open lots that expire at or before upTo, soonest first, at one instant by key.
func (s *lots) expiring(upTo time.Time) []*Lot {
	var found []*Lot
	for _, loaded := range [...][]*Lot{s.first, s.beyond} {
		for _, l := range loaded {
			if !l.Closed() && !l.ExpiresAt.IsZero() && !l.ExpiresAt.After(upTo) {
				found = append(found, l)
			}
		}
	}
	slices.SortFunc(found, sooner)
	return found
}

// sooner orders lots by expiry, at one instant by key.
func sooner(a, b *Lot) int {
	if c := a.ExpiresAt.Compare(b.ExpiresAt); c != 0 {
		return c
	}
	return bytes.Compare(a.Key, b.Key)
}
