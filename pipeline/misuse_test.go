package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestTrap39TheSliceThatWasGivenMayBeUsedAgain(t *testing.T) {
	given := []policy.Policy[int]{policy.FallbackValue(7)}
	p := pipeline.New(given...)
	given[0] = policy.FallbackValue(8)
	v, err := p.Named("copied").Do(t.Context(), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
	p.Policies()[0] = policy.FallbackValue(9)
	v, err = p.Do(t.Context(), down)
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

func TestTrap08AnEmptyPipelineRunsNothingForAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	ran := func(context.Context) (int, error) { t.Error("ran"); return 0, nil }
	for _, do := range []policy.Func[int]{
		func(ctx context.Context) (int, error) { return pipeline.New[int]().Do(ctx, ran) },
		pipeline.New[int]().Wrap(ran),
	} {
		_, err := do(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errDown)
	}
}

// counted is a pipeline that does something of its own around itself.
type counted struct {
	*pipeline.Pipeline[int]
	calls *int
}

func (c counted) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	*c.calls++
	return c.Pipeline.Execute(ctx, next)
}

func TestWhatEmbedsAPipelineIsAskedItself(t *testing.T) {
	var calls int
	_, err := pipeline.New[int](counted{pipeline.New[int](), &calls}).Do(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, 1, calls)
}

func TestANestedPipelineIsGivenBackAsItWas(t *testing.T) {
	inner := pipeline.New[int](policy.FallbackValue(7)).Named("inner")
	outer := pipeline.New[int](inner)
	assert.Same(t, inner, outer.Policies()[0])
	assert.Equal(t, "fallback", outer.String())
}
