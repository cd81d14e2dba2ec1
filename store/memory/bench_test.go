package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// BenchmarkDebit is what the store does for a debit with a retry key, of customers in turn.
func BenchmarkDebit(b *testing.B) {
	for _, customers := range []int{1, 1000} {
		b.Run(fmt.Sprintf("customers=%d", customers), func(b *testing.B) {
			s := New()
			purses := make([]*purse, customers)
			for i := range purses {
				purses[i] = newPurse(b, s, i, 3)
			}
			b.ReportAllocs()
			b.ResetTimer()
			debits(b, purses, b.N)
		})
	}
}

func debits(tb testing.TB, purses []*purse, n int) {
	var p *purse
	var i int
	draws, ids := make([]wallet.Draw, 1), make([]wallet.TransactionID, 1)
	fn := func(tx store.Tx) error { return p.debit(tx, key(i), draws, ids) }
	for i = range n {
		p = purses[i%len(purses)]
		p.now = epoch.Add(time.Duration(i) * time.Microsecond)
		if err := p.store.Update(context.Background(), p.scope(), fn); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkParallel is BenchmarkDebit with a goroutine per processor, each with customers of its own.
func BenchmarkParallel(b *testing.B) {
	s := New()
	var mu sync.Mutex
	var workers atomic.Int32
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		me := int(workers.Add(1))
		mu.Lock()
		purses := make([]*purse, 500)
		for i := range purses {
			purses[i] = newPurse(b, s, me*1000+i, 3)
		}
		mu.Unlock()
		var p *purse
		var i int
		draws, ids := make([]wallet.Draw, 1), make([]wallet.TransactionID, 1)
		fn := func(tx store.Tx) error { return p.debit(tx, key(i), draws, ids) }
		for ; pb.Next(); i++ {
			p = purses[i%len(purses)]
			p.now = epoch.Add(time.Duration(i) * time.Microsecond)
			if err := s.Update(context.Background(), p.scope(), fn); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
