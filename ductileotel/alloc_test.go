//go:build !race

package ductileotel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/allocs"
)

func TestARecordedEventAllocatesNothing(t *testing.T) {
	m := metered(t)
	ctx := context.Background()
	for _, e := range everything {
		m.observe(ctx, e)
		assert.Zero(t, allocs.Fewest(100, func() { m.observe(ctx, e) }), e.Kind)
	}
}
