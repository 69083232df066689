package analysis_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

var errDown = errors.New("down")

// realOf returns the pipeline of a Spec as a registry builds it. random is the source of
// all jitter.
func realOf(t *testing.T, spec registry.Spec, name string, random func() float64, clock policy.Clock) *registry.Live[int] {
	r, err := registry.New(spec, registry.WithRand(random), registry.WithClock(clock))
	require.NoError(t, err)
	p, err := registry.Pipeline[int](r, name)
	require.NoError(t, err)
	return p
}

// hangs lasts until its context ends.
func hangs(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// fails at once.
func fails(context.Context) (int, error) { return 0, errDown }
