package policy_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/policy"
)

// checking notes what Checked says.
type checking struct{ said *[]bool }

func (a checking) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	*a.said = append(*a.said, next.Checked())
	return next.Do(ctx)
}

func TestACallIsCheckedInAPipelineAlone(t *testing.T) {
	var said []bool
	one := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	_, _ = checking{&said}.Execute(t.Context(), one)
	_, _ = policy.NewChain("", nil, policy.Policy[int](checking{&said}), checking{&said}).Execute(t.Context(), one)
	assert.Equal(t, []bool{false, true, true}, said)
}
