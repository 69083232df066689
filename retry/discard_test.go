package retry_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/retry"
)

func TestOnlyAZeroValueWithAnErrorIsNotDiscarded(t *testing.T) {
	type result struct {
		v   int
		err error
	}
	script := []result{{0, errDown}, {3, errDown}, {0, nil}, {4, nil}, {5, nil}}
	var discarded []int
	r := retry.New[int](retry.Config{MaxAttempts: 9, Backoff: retry.Constant(0)}).
		WithCondition(func(v int, _ error) bool { return v != 5 }).
		WithDiscard(func(v int) { discarded = append(discarded, v) })
	n := 0
	v, err := r.Do(t.Context(), func(context.Context) (int, error) { n++; return script[n-1].v, script[n-1].err })
	require.NoError(t, err)
	assert.Equal(t, 5, v)
	assert.Equal(t, []int{3, 0, 4}, discarded)
}

func TestAnErrorWithAZeroHintAsksForNoDelay(t *testing.T) {
	for _, last := range []error{errDown, (*hinted)(nil), &hinted{0}} {
		_, err := retry.Do(t.Context(), retry.Config{MaxAttempts: 1}, func(context.Context) (int, error) { return 0, last })
		var gaveUp *retry.Error
		require.ErrorAs(t, err, &gaveUp)
		assert.Zero(t, gaveUp.RetryAfter())
	}
}
