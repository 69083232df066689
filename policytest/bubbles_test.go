package policytest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// TestPoliciesMayBeUsedInSeveralBubbles uses each policy in two bubbles of
// testing/synctest and outside of them, with failures that open circuits and callers
// that leave. If a policy used a timer or channel of one bubble in another, the runtime
// would end the test binary.
func TestPoliciesMayBeUsedInSeveralBubbles(t *testing.T) {
	down := errors.New("down")
	for name, build := range kept {
		t.Run(name, func(t *testing.T) {
			p := build()
			use := func(ctx context.Context) {
				left, leave := context.WithCancel(ctx)
				leave()
				for range 8 {
					_, _ = p.Execute(left, policy.CallOf(func(context.Context) (int, error) { return 0, down }))
				}
				_, _ = p.Execute(ctx, policy.CallOf(func(context.Context) (int, error) { return 42, nil }))
			}
			for range 2 {
				synctest.Test(t, func(t *testing.T) {
					for range 8 {
						_, _ = p.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) {
							time.Sleep(time.Millisecond)
							return 0, down
						}))
					}
					use(t.Context())
					time.Sleep(time.Second) // let abandoned functions return
				})
				use(t.Context())
			}
		})
	}
}
