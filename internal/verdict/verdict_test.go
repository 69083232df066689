package verdict_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

// isRejected matches policy.ErrRejected by its own Is alone.
type isRejected struct{}

func (isRejected) Error() string        { return "rejected" }
func (isRejected) Is(target error) bool { return target == policy.ErrRejected }

func TestTheFirstRuleThatAppliesDecides(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), -1)
	defer stop()
	always := func(o policy.Outcome) func(error) policy.Outcome {
		return func(error) policy.Outcome { return o }
	}
	for name, c := range map[string]struct {
		ctx      context.Context
		err      error
		classify func(error) policy.Outcome
		want     policy.Outcome
	}{
		"no error":                              {t.Context(), nil, nil, policy.Success},
		"an error":                              {t.Context(), errDown, nil, policy.Failure},
		"a wrapped error":                       {t.Context(), fmt.Errorf("call: %w", errDown), nil, policy.Failure},
		"a rejection":                           {t.Context(), policy.ErrRejected, nil, policy.Ignored},
		"a wrapped rejection":                   {t.Context(), fmt.Errorf("call: %w", policy.ErrRejected), nil, policy.Ignored},
		"an error that says that it is one":     {t.Context(), isRejected{}, nil, policy.Ignored},
		"an error after the caller's cancel":    {canceled, errDown, nil, policy.Ignored},
		"a success after the caller's cancel":   {canceled, nil, nil, policy.Success},
		"an error after the caller's deadline":  {late, errDown, nil, policy.Failure},
		"a mark":                                {t.Context(), breaker.Judge(errDown, policy.Success), nil, policy.Success},
		"a mark inside of a wrapper":            {t.Context(), fmt.Errorf("call: %w", breaker.Judge(errDown, policy.Ignored)), nil, policy.Ignored},
		"a mark before the cancel":              {canceled, breaker.Judge(errDown, policy.Failure), nil, policy.Failure},
		"a mark before Classify":                {t.Context(), breaker.Judge(errDown, policy.Success), always(policy.Failure), policy.Success},
		"the cancel before Classify":            {canceled, errDown, always(policy.Failure), policy.Ignored},
		"Classify of an error":                  {t.Context(), errDown, always(policy.Success), policy.Success},
		"Classify of a success":                 {t.Context(), nil, always(policy.Failure), policy.Failure},
		"Classify of a rejection":               {t.Context(), policy.ErrRejected, always(policy.Failure), policy.Failure},
		"Classify that leaves it to the others": {t.Context(), errDown, always(policy.Undecided), policy.Failure},
	} {
		assert.Equal(t, c.want, verdict.Of(c.ctx, c.err, c.classify), name)
		if c.classify == nil && c.err != nil {
			assert.Equal(t, c.want, verdict.Plain(c.ctx, c.err), "%s, without a walk", name)
		}
	}
}

func TestFirstSaysWhetherTheCallerGaveUp(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	o, abandoned := verdict.First(canceled, errDown)
	assert.Equal(t, policy.Ignored, o)
	assert.True(t, abandoned)
	o, abandoned = verdict.First(canceled, breaker.Judge(errDown, policy.Ignored))
	assert.Equal(t, policy.Ignored, o)
	assert.False(t, abandoned, "the mark decided")
	o, abandoned = verdict.First(canceled, nil)
	assert.Equal(t, policy.Undecided, o)
	assert.False(t, abandoned)
}
