package rest

import (
	"iter"
	"math"
)

// pageBounds are what the parameters of a page are if not given, and at most. 1 is the least.
var pageBounds = map[string]struct{ otherwise, most int }{
	"page":     {1, 10_000_000},
	"per_page": {20, 100},
}

// paging are the parameters of a numbered page.
type paging struct {
	Page    *int `query:"page"` // 1 is the first
	PerPage *int `query:"per_page"`
}

// bounds returns the number of a page, its size, and how many items come before it.
func (p paging) bounds() (page, size, offset int, err error) {
	var bad invalid
	within := func(name string, given *int) int {
		b := pageBounds[name]
		if given == nil {
			return b.otherwise
		}
		if *given < 1 || *given > b.most {
			bad = append(bad, detail{Field: "/" + name, Value: itoa(*given), Location: "query", Issue: invalidValue,
				Description: "is not from 1 to " + itoa(b.most)})
		}
		return *given
	}
	page = within("page", p.Page)
	size = within("per_page", p.PerPage)
	if bad != nil {
		return 0, 0, 0, bad
	}
	return page, size, (page - 1) * size, nil
}

// count is the meta of a numbered page.
type count struct {
	Total   int  `json:"total_count"`
	Pages   int  `json:"total_pages"`
	Current int  `json:"current_page"`
	Next    *int `json:"next_page"` // null on the last page
	Prev    *int `json:"prev_page"` // null on the first
}

func countOf(total, page, size int) count {
	m := count{Total: total, Pages: (total + size - 1) / size, Current: page}
	if page < m.Pages {
		m.Next = ref(page + 1)
	}
	if page > 1 {
		m.Prev = ref(max(1, min(page-1, m.Pages)))
	}
	return m
}

// place is the meta of a page of which nobody counts the total.
type place struct {
	Current int  `json:"current_page"`
	Next    *int `json:"next_page"`
	Prev    *int `json:"prev_page"`
}

// skim returns one page of a sequence, and whether more follow.
func skim[T, U any](seq iter.Seq2[T, error], offset, size int, show func(T) U) (page []U, more bool, err error) {
	page = []U{}
	for item, err := range seq {
		switch {
		case err != nil:
			return nil, false, err
		case offset > 0:
			offset--
		case len(page) == size:
			return page, true, nil
		default:
			page = append(page, show(item))
		}
	}
	return page, false, nil
}

func placeOf(page int, more bool) place {
	p := place{Current: page}
	if more {
		p.Next = ref(page + 1)
	}
	if page > 1 {
		p.Prev = ref(page - 1)
	}
	return p
}

// all returns what a sequence yields, as it is shown.
func all[T, U any](seq iter.Seq2[T, error], show func(T) U) ([]U, error) {
	page, _, err := skim(seq, 0, math.MaxInt32, show)
	return page, err
}

func ref[T any](v T) *T { return &v }
