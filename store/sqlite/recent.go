package sqlite

import (
	"database/sql/driver"

	"github.com/seed-12493b23/wallet"
)

// recent knows which keys are in the table, of those behind a certain one. Keys that are ordered by time are behind all others
// when they are new, so that most of them need not be looked up. The zero value knows nothing yet.
type recent struct {
	begun bool
	from  string // a key behind it is in the table only if it is in names
	names map[keyName]struct{}
}

type keyName struct {
	customer wallet.CustomerID
	key      string
}

var selectLastKey = newQuery("SELECT max(key) FROM wallet_key")

// unknown reports that a key is certainly not in the table.
func (r *recent) unknown(s session, of wallet.CustomerID, key string) (bool, error) {
	const most = 16 << 10
	if !r.begun || len(r.names) > most {
		from := ""
		if _, err := one(s, selectLastKey, func(row []driver.Value) error {
			r := reader{row: row}
			from = r.text()
			return r.err
		}); err != nil {
			return false, err
		}
		*r = recent{true, from, map[keyName]struct{}{}}
	}
	if key <= r.from {
		return false, nil
	}
	_, known := r.names[keyName{of, key}]
	return !known, nil
}

// add tells that a key has been committed.
func (r *recent) add(of wallet.CustomerID, key string) {
	if r.begun && key > r.from {
		r.names[keyName{of, key}] = struct{}{}
	}
}

// reset tells that others have written.
func (r *recent) reset() { *r = recent{} }
