package sqlite

import (
	"database/sql/driver"
	"hash/maphash"

	"github.com/seed-12493b23/wallet"
)

// recent knows which keys may be in the table, of those behind a certain one. Keys that are ordered by time are behind all others
// when they are new, so that most of them need not be looked up. The zero value knows nothing yet.
type recent struct {
	begun bool
	from  string // a key behind it is in the table only if its bit is set
	n     int    // keys added
	bits  [1 << 14]uint64
}

var selectLastKey = newQuery("SELECT key FROM wallet_key WHERE key >= '' ORDER BY key DESC LIMIT 1")

// unknown reports that a key is certainly not in the table.
func (r *recent) unknown(s session, of wallet.CustomerID, key string) (bool, error) {
	const most = 16 << 10 // of a million bits
	if !r.begun || r.n > most {
		from := ""
		if _, err := one(s, selectLastKey, func(row []driver.Value) error {
			r := reader{row: row}
			from = r.text()
			return r.err
		}); err != nil {
			return false, err
		}
		r.begun, r.from, r.n = true, from, 0
		clear(r.bits[:])
	}
	if key <= r.from {
		return false, nil
	}
	word, bit := r.bit(of, key)
	return *word&bit == 0, nil
}

// add tells that a key has been committed.
func (r *recent) add(of wallet.CustomerID, key string) {
	if r.begun && key > r.from {
		word, bit := r.bit(of, key)
		*word |= bit
		r.n++
	}
}

var seed = maphash.MakeSeed()

func (r *recent) bit(of wallet.CustomerID, key string) (word *uint64, bit uint64) {
	h := maphash.String(seed, key) ^ maphash.String(seed, string(of))
	return &r.bits[h>>6%uint64(len(r.bits))], 1 << (h % 64)
}

// reset tells that others have written.
func (r *recent) reset() { r.begun = false }
