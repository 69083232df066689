//go:build !race

package ductileotel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestARecordedEventAllocatesNothing(t *testing.T) {
	m := metered(t)
	ctx := context.Background()
	for _, e := range everything {
		m.observe(ctx, e)
		assert.Zero(t, testing.AllocsPerRun(100, func() { m.observe(ctx, e) }), e.Kind)
	}
}
