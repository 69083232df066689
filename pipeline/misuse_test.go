package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestNewCopiesItsPolicies(t *testing.T) {
	given := []policy.Policy[int]{policy.FallbackValue(7)}
	p := pipeline.New(given...)
	given[0] = policy.FallbackValue(8)
	v, err := p.WithName("copied").Do(t.Context(), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	p.Policies()[0] = policy.FallbackValue(9)
	v, err = p.Do(t.Context(), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestAnEmptyPipelineRunsNothingUnderAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	ran := func(context.Context) (int, error) { t.Error("the function ran"); return 0, nil }
	for _, do := range []policy.Func[int]{
		func(ctx context.Context) (int, error) { return pipeline.New[int]().Do(ctx, ran) },
		pipeline.New[int]().Wrap(ran),
	} {
		_, err := do(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errDown)
	}
}

func TestANilContextPanicsBeforeAnythingRuns(t *testing.T) {
	var none context.Context
	ran := func(context.Context) (int, error) { t.Error("the function ran"); return 0, nil }
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	for name, do := range map[string]policy.Func[int]{
		"pipeline": pipeline.New(breaker.New[int](circuit)).Wrap(ran),
		"retry":    func(ctx context.Context) (int, error) { return retry.Do(ctx, retry.Config{}, ran) },
		"breaker":  func(ctx context.Context) (int, error) { return breaker.Do(ctx, circuit, ran) },
		"timeout":  func(ctx context.Context) (int, error) { return policy.Timeout[int](1).Do(ctx, ran) },
		"fallback": func(ctx context.Context) (int, error) { return policy.FallbackValue(1).Do(ctx, ran) },
	} {
		assert.Panics(t, func() { _, _ = do(none) }, name)
	}
	assert.Zero(t, circuit.Snapshot().Counts)
	assert.Equal(t, breaker.Closed, circuit.State())
}

// counted is a user's policy that embeds a pipeline.
type counted struct {
	*pipeline.Pipeline[int]
	calls *int
}

func (c counted) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	*c.calls++
	return c.Pipeline.Execute(ctx, next)
}

func TestATypeThatEmbedsAPipelineIsNotFlattened(t *testing.T) {
	var calls int
	_, err := pipeline.New[int](counted{pipeline.New[int](), &calls}).Do(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, 1, calls)
}

func TestPoliciesReturnsANestedPipelineUnchanged(t *testing.T) {
	inner := pipeline.New[int](policy.FallbackValue(7)).WithName("inner")
	outer := pipeline.New[int](inner)
	assert.Same(t, inner, outer.Policies()[0])
	assert.Equal(t, "inner(fallback)", outer.String())
}
