package chaos_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/policy"
)

func TestCallsAllocateNothingUnlessAnErrorIsInjected(t *testing.T) {
	off, missed, half := chaos.Config{Rate: 1}, chaos.Config{Enabled: true}, chaos.Config{Rate: 0.5, Enabled: true}
	for name, tt := range map[string]struct {
		p    policy.Policy[int]
		want float64
	}{
		"off":         {chaos.Fault[int](off, failing), 0},
		"missed":      {chaos.Fault[int](missed, failing), 0},
		"mix, off":    {chaos.Mix(chaos.Fault[int](off, failing)), 0},
		"mix, missed": {chaos.Mix(chaos.Fault[int](missed, failing), chaos.Latency[int](missed, lasting(1))), 0},
		"fault, nil":  {chaos.Fault[int](always, nothing), 0},
		"behavior":    {chaos.Mix(chaos.Behavior[int](half, nothing), chaos.Behavior[int](half, nothing)), 0},
		"no latency":  {chaos.Latency[int](always, lasting(0)), 0},
		"outcome":     {chaos.Outcome(always, answer(7)), 2},
		"fault":       {chaos.Fault[int](always, failing), 1},
	} {
		call := policy.CallOf(answer(1))
		got := testing.AllocsPerRun(200, func() { _, _ = tt.p.Execute(context.Background(), call) })
		assert.LessOrEqual(t, got, tt.want, name)
	}
}
