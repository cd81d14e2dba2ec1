// Package sqlite keeps wallets in a SQLite database: a file of its own, or the one the host already has. It is written in Go
// throughout, and needs no C compiler.
//
// # Opening
//
//	s, err := sqlite.Open("wallets.db", nil) // a file of its own
//	s, err := sqlite.New(ctx, db, nil)       // the host's *sql.DB, of modernc.org/sqlite
//	eng := engine.New(s, nil)
//
// Both create or migrate the tables, whose names begin with wallet_, and both put the file into WAL mode, which stays. A file
// that a newer program has migrated is refused. The store starts no goroutine. It holds one connection for writing and a few for
// reading, which it sets to synchronous=FULL and gives back as they were; of a pool that is limited to fewer than four, it takes
// one only for as long as it uses it, at some cost of speed.
//
// # Commits
//
// Callers of Update share transactions: while one is being written, those who come queue, and the next transaction has them all.
// So the more callers, the cheaper each: what a commit costs is one sync of the disk. Each function still has its own outcome: an
// error, a panic or a runtime.Goexit undoes that function alone and reaches its caller alone. When Update returns nil, the changes
// are on disk.
//
// If the disk fails while it is asked to keep a commit, the store looks up whether the commit is there. Where it is not, the disk
// may yet have it after a crash: then the error is [wallet.ErrConflict], and repeating the command under its key is safe.
//
// # The host's transactions
//
// [Join] makes the wallets part of a transaction of the host's, with whatever else it does:
//
//	tx, err := db.BeginTx(ctx, nil) // of a pool opened with _txlock=immediate
//	…
//	eng.With(sqlite.Join(tx)).Debit(ctx, id, debit)
//	…
//	err = tx.Commit()
//
// Nothing is durable, and nobody else sees it, before the host commits. SQLite has one writer at a time: a transaction of the
// host's that has written holds up every other command until it ends, and must not call the store but through Join, because
// it would wait for itself. Such a call gives up after Options.BusyTimeout.
//
// # Several processes
//
// Several processes on one machine may use the same file. They take turns by trying for the lock every 0.1 to 1 ms, and none
// starves. What a process has cached it drops when another has written, so many writers cost speed. A file on a network share is not
// safe: SQLite's locks do not work there.
//
// # The file
//
// The schema is in schema/0001.sql, with the reasons for it. These views are for people and reports; the tables behind them may
// change, the views stay:
//
//	wallet_wallets       wallets with their balances
//	wallet_transactions  transactions
//	wallet_lots          open lots
//	wallet_draws         what each outbound transaction took of which lot
//	wallet_holds         holds
//	wallet_events        the feed of events
//
// They work in the sqlite3 shell from version 3.38 on:
//
//	sqlite3 wallets.db "SELECT kind, credits, created_at FROM wallet_transactions WHERE customer = 'ann' ORDER BY id DESC"
//
// Amounts are text there, so that none is ever a floating-point number. Do not add them up in SQL, which would make them that:
// sum(), and comparisons with numbers, are for the program that reads them. The tables beneath keep an amount as a whole number
// of units of 10⁻¹² where that is an int64, and as text beyond.
//
// # Caveats
//
//   - One writer at a time, on one machine. What needs more than a few ten thousand commands a second needs another store.
//   - A backup is VACUUM INTO, or the driver's backup; a copy of the file alone misses what is in the WAL.
//   - A reader that stays for minutes keeps the WAL from being reused, and it grows; the engine's reads are short.
//   - Random retry keys (UUIDs of version 4) are spread over the whole table of keys, and cost a page each; those ordered by time
//     are appended.
package sqlite
