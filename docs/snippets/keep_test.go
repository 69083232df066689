package snippets_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// cursor is rows that give back what they hold when they are closed.
type cursor struct {
	*sql.Rows
	release []func()
}

func (c *cursor) Close() error {
	for _, release := range c.release {
		defer release()
	}
	return c.Rows.Close()
}

func keep(_ context.Context, c *cursor, release func()) *cursor {
	c.release = append(c.release, release)
	return c
}

// numbers is a database whose only answer is a column of numbers without an end.
type (
	numbers    struct{}
	connection struct{}
	column     struct{}
)

func (n numbers) Connect(context.Context) (driver.Conn, error) { return connection{}, nil }
func (n numbers) Driver() driver.Driver                        { return n }
func (n numbers) Open(string) (driver.Conn, error)             { return connection{}, nil }
func (connection) Close() error                                { return nil }
func (connection) Begin() (driver.Tx, error)                   { return nil, driver.ErrSkip }
func (connection) Prepare(string) (driver.Stmt, error)         { return nil, driver.ErrSkip }
func (column) Columns() []string                               { return []string{"n"} }
func (column) Close() error                                    { return nil }
func (column) Next(to []driver.Value) error                    { to[0] = int64(7); return nil }
func (connection) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return column{}, nil
}

// query is what a program does with the policies of docs/policies/timeout.md, Config.
func query(db *sql.DB) policy.Func[*cursor] {
	return func(ctx context.Context) (*cursor, error) {
		found, err := db.QueryContext(ctx, "SELECT n FROM numbers")
		if err != nil {
			return nil, err
		}
		return &cursor{Rows: found}, nil
	}
}

func TestRowsHoldWhatTheyNeedUntilTheyAreClosed(t *testing.T) {
	db := sql.OpenDB(numbers{})
	defer func() { assert.NoError(t, db.Close()) }()
	connections := bulkhead.NewGate(bulkhead.Config{Limit: 1})
	orders := pipeline.New(
		retry.New[*cursor](retry.Config{}),
		policy.Timeout[*cursor](5*time.Second).WithKeep(keep),
		bulkhead.New[*cursor](connections).WithKeep(keep),
	)
	standard := pipeline.Standard[*cursor](pipeline.StandardConfig{Gate: connections, Keep: keep})
	for _, p := range []*pipeline.Pipeline[*cursor]{orders, standard} {
		found, err := p.Do(t.Context(), query(db))
		require.NoError(t, err)
		for range 100 {
			require.True(t, found.Next())
		}
		// Not after Close: database/sql may then report the context, which ends with it.
		require.NoError(t, found.Err())
		assert.Equal(t, 1, connections.Snapshot().InUse)
		require.NoError(t, found.Close())
		assert.Zero(t, connections.Snapshot().InUse)
	}
}

func TestWithoutKeepRowsEndWithTheCall(t *testing.T) {
	db := sql.OpenDB(numbers{})
	defer func() { assert.NoError(t, db.Close()) }()
	found, err := policy.Timeout[*cursor](5*time.Second).Do(t.Context(), query(db))
	require.NoError(t, err)
	for found.Next() { // until database/sql has seen the end of the context
		continue
	}
	require.ErrorIs(t, found.Err(), context.Canceled)
	require.NoError(t, found.Close())
}
