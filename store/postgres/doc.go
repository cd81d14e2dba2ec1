// Package postgres keeps wallets in a Postgres database, or in an engine that speaks its protocol: for teams that already run
// one, and for when one machine is not enough.
//
//   - [Open] connects to a database, [New] uses the host's pool. Both create the tables, or migrate them; [Migrations] is for
//     those who run their own tool.
//   - [Store.Join] makes wallet work part of the host's own transaction, to be committed or rolled back with it.
//
// Callers share transactions: what queues while one is written is the next one. State stays loaded, and a batch takes one trip to
// the server: its first statement locks the customers and refuses if others, of whatever process, have changed them since; then
// it takes two more. It never waits for a lock: a customer that somebody else has locked is left to a lane of its own, so that
// one slow transaction of the host holds up nobody but those who want that customer. Serialization failures, deadlocks and lost
// connections are repeated, with back-off, until Options.Timeout; a commit that was not answered is looked up. What then is still
// not known is reported as [wallet.ErrConflict], and repeating the command under its key finds out.
//
// # Running it
//
// Pool: a store uses one connection for everybody, or two under load, one for each View that is running, and up to half of the
// pool for customers that somebody else has locked. Ten connections are plenty; behind a pooler it must be in session mode, or in
// transaction mode with prepared statements (PgBouncer 1.21 and later). The pool's default_query_exec_mode must not be exec or
// simple_protocol, unless Options.Distributed is set; that of a transaction to be joined may. A host that calls a store inside a
// transaction of its own uses Join: else it waits for itself, which ends with an error after Options.Timeout.
//
// Isolation: the store's own transactions are READ COMMITTED, and lock the customer's row; what they read before, they only use
// if the row's version is still the same. Views are REPEATABLE READ. A joined transaction may have any level: with REPEATABLE
// READ or SERIALIZABLE the host must be prepared to begin again after 40001. A host that works for several customers in one
// transaction does so in the same order everywhere. Keep synchronous_commit on: it is what makes a success durable.
//
// Partitioning: every key begins with the customer, and a command touches one customer. So the tables, all of them but
// wallet_meta, can be partitioned or distributed by the column customer, and old rows of wallet_key can be deleted once no client
// repeats requests of that age.
//
// Distributed engines: set Options.Distributed. A transaction is then about one customer, and nothing is asked that such an
// engine lacks: no sequence, trigger, advisory lock, planner setting or transaction ID. Only the feed of all customers is
// Postgres's own. The tests run this option on Postgres; CockroachDB, YugabyteDB, Citus and Aurora have not been tried.
//
// Roles: let a role of its own own the schema and migrate it. The application's needs no more than this, and cannot change or
// delete what has happened:
//
//	GRANT USAGE ON SCHEMA wallet TO wallet_app;
//	GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA wallet TO wallet_app;
//	GRANT UPDATE ON wallet.wallet_customer, wallet.wallet_state, wallet.wallet_lot TO wallet_app;
//	GRANT DELETE ON wallet.wallet_lot TO wallet_app;
//	GRANT UPDATE (name, code, priority, applies_to, expires, min_paid, max_paid, rules, metadata, status, terminated, lot_order, notes) ON wallet.wallet_record TO wallet_app;
//	GRANT UPDATE (source, balance, settled, failed, reference, more) ON wallet.wallet_transaction TO wallet_app;
//	GRANT UPDATE (state, hold, wallets) ON wallet.wallet_hold TO wallet_app;
//
// Monitoring: who waits for a customer, and what is overdue because nobody ticks:
//
//	SELECT pid, now() - xact_start AS since, pg_blocking_pids(pid), left(query, 60) FROM pg_stat_activity WHERE wait_event_type = 'Lock';
//	SELECT count(*), min(next_due) FROM wallet.wallet_state WHERE active AND next_due < now();
//
// Credits in all wallets against their history; each row is a fault. (The view wallet_balance has every wallet as it is; in the
// table wallet_state, the one that a debit of its customer changed last is behind, since wallet_customer has the rest of it.)
//
//	SELECT s.customer, s.wallet FROM wallet.wallet_balance s JOIN wallet.wallet_transaction t USING (customer, wallet) WHERE t.settled IS NOT NULL
//	GROUP BY 1, 2, s.spendable, s.held, s.kept HAVING s.spendable + s.held + s.kept <> sum(CASE WHEN t.lot IS NULL THEN t.credits ELSE -t.credits END);
package postgres
