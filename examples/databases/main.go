// Databases guards a SQLite database. One function says what an error means, to the retry
// and to the circuit alike, and rows are read after the call that found them has returned.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// classify marks an error of SQLite with what it means. Every policy reads the marks.
func classify[T any](_ T, err error) error {
	failed, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failed.Code() & 0xff { // the rest says more than a caller needs to know
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED: // another transaction holds the lock
		return breaker.Judge(err, policy.Ignored)
	case sqlite3.SQLITE_CONSTRAINT: // the database has answered
		return retry.Permanent(breaker.Judge(err, policy.Success))
	}
	return err
}

// rows, when it is closed, tells the circuit how the read went and ends its time limit.
type rows struct {
	*sql.Rows
	ctx     context.Context // of the circuit's call: its caller's, without the time limit
	record  func(policy.Outcome)
	release func()
}

func (r *rows) Close() error {
	defer r.release()
	switch {
	case r.Err() == nil:
		r.record(policy.Success)
	case r.ctx.Err() != nil: // the caller has left, which says nothing about the database
		r.record(policy.Ignored)
	default:
		r.record(policy.Failure)
	}
	return r.Rows.Close()
}

// permit keeps what a circuit gives until the rows are closed.
func permit(ctx context.Context, r *rows, record func(policy.Outcome)) *rows {
	r.ctx, r.record = ctx, record
	return r
}

func main() {
	dir, err := os.MkdirTemp("", "databases")
	if err == nil {
		err = errors.Join(tell(context.Background(), os.Stdout, filepath.Join(dir, "ledger")), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal("databases: ", err)
	}
}

func tell(ctx context.Context, out io.Writer, file string) (failed error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, db.Close()) }()
	other, err := db.Conn(ctx) // a connection that will hold the write lock
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, other.Close()) }()
	if _, err := other.ExecContext(ctx, `CREATE TABLE ledger (item TEXT UNIQUE, cents INTEGER); BEGIN IMMEDIATE`); err != nil {
		return err
	}

	circuit := breaker.NewCircuit(breaker.Config{Name: "ledger"})
	writes := pipeline.New(retry.New[sql.Result](retry.Config{BaseDelay: time.Millisecond}), breaker.New[sql.Result](circuit),
		policy.Timeout[sql.Result](5*time.Second), policy.Check(classify[sql.Result]),
	).WithObserver(func(ctx context.Context, e policy.Event) {
		fmt.Fprintf(out, "  attempt %d: %v\n", e.Attempt, e.Err)
		if e.Attempt == 2 {
			_, _ = other.ExecContext(ctx, `COMMIT`) // the lock is free for the third attempt
		}
	}, policy.Attempted)
	for _, title := range []string{"another transaction holds the lock", "the item is there already"} {
		fmt.Fprintln(out, title)
		_, err := writes.Do(ctx, func(ctx context.Context) (sql.Result, error) {
			return db.ExecContext(ctx, `INSERT INTO ledger VALUES ('rent', 90000)`)
		})
		fmt.Fprintf(out, "  %v; the circuit counted %d failures\n", err, circuit.Snapshot().Counts.Failures)
	}

	// Until the rows are closed, the limit runs on and the circuit has no verdict.
	limit := func(_ context.Context, r *rows, release func()) *rows { r.release = release; return r }
	reads := pipeline.New(retry.New[*rows](retry.Config{}), breaker.New[*rows](circuit).WithKeep(permit),
		policy.Timeout[*rows](5*time.Second).WithKeep(limit), policy.Check(classify[*rows]))
	found, err := reads.Do(ctx, func(ctx context.Context) (*rows, error) {
		r, err := db.QueryContext(ctx, `SELECT item FROM ledger`)
		return &rows{Rows: r}, err
	})
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, found.Err(), found.Close()) }()
	for found.Next() {
		var item string
		failed = errors.Join(failed, found.Scan(&item))
		fmt.Fprintln(out, "read after the call has returned:", item)
	}
	return failed
}
