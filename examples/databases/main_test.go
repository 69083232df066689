package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

func TestALockIsRetriedAConstraintIsNotAndRowsOutliveTheCall(t *testing.T) {
	var out strings.Builder
	require.NoError(t, tell(t.Context(), &out, filepath.Join(t.TempDir(), "ledger")))
	assert.Equal(t, `another transaction holds the lock
  attempt 1: database is locked (5) (SQLITE_BUSY)
  attempt 2: database is locked (5) (SQLITE_BUSY)
  attempt 3: <nil>
  <nil>; the circuit counted 0 failures
the item is there already
  attempt 1: constraint failed: UNIQUE constraint failed: ledger.item (2067)
  constraint failed: UNIQUE constraint failed: ledger.item (2067); the circuit counted 0 failures
read after the call has returned: rent
`, out.String())
}

func TestAFileThatIsNoDatabaseCountsAgainstIt(t *testing.T) {
	db, err := sql.Open("sqlite", t.TempDir()) // a directory
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	_, err = breaker.New[int](circuit).Do(t.Context(), func(ctx context.Context) (int, error) {
		return policy.Check(classify[int]).Do(ctx, func(ctx context.Context) (int, error) { return 0, db.PingContext(ctx) })
	})
	require.Error(t, err)
	assert.Equal(t, breaker.Open, circuit.State())
}

func TestACallerThatLeavesItsRowsDoesNotCountAgainstTheDatabase(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "ledger"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	for range 100 {
		ctx, leave := context.WithCancel(t.Context())
		found, err := breaker.New[*rows](circuit).WithKeep(permit).Do(ctx, func(ctx context.Context) (*rows, error) {
			r, err := db.QueryContext(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n`)
			return &rows{Rows: r, release: func() {}}, err
		})
		require.NoError(t, err)
		require.True(t, found.Next())
		leave()
		for found.Next() {
		}
		require.ErrorIs(t, found.Err(), context.Canceled)
		require.NoError(t, found.Close())
		require.Equal(t, breaker.Closed, circuit.State())
	}
}
