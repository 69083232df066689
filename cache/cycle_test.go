package cache_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

func TestAMissOfItsOwnKeyIsRefused(t *testing.T) {
	c := cache.New(exactly(config{}))
	v, err := c.Do(with(t.Context(), "a"), func(ctx context.Context) (int, error) {
		_, err := c.Do(ctx, one)
		require.ErrorIs(t, err, cache.ErrCycle)
		require.ErrorIs(t, err, policy.ErrRejected)
		return 42, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 42, v)
	require.NoError(t, c.Close(t.Context()))
}
