//go:build ductile_explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/proof/row"
)

// armers returns a program of one call with a time limit, and threads that ask its context for
// Done or Err before, while and after it ends.
func armers() Program {
	limit := policy.Timeout[int](time.Hour)
	var limited context.Context
	channels := make([]<-chan struct{}, 2)
	var faults []error
	arm := func(i int) func() {
		return func() {
			touch(&limited)
			if limited == nil {
				return
			}
			if channels[i] = limited.Done(); limited.Err() != nil && !ended(channels[i]) {
				faults = append(faults, errors.New("Err is set, and Done is open"))
			}
		}
	}
	call := func() {
		_, err := limit.Do(context.Background(), func(ctx context.Context) (int, error) {
			touch(&limited)
			limited = ctx
			return 1, ctx.Err()
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("the call came to %w", err))
		}
	}
	return Program{Threads: []func(){call, arm(0), arm(1)}, Check: func() error {
		for _, c := range channels {
			if c != nil && !ended(c) {
				faults = append(faults, errors.New("a context outlives its call"))
			}
		}
		if channels[0] != nil && channels[1] != nil && channels[0] != channels[1] {
			faults = append(faults, errors.New("two asked for Done and got two channels"))
		}
		return errors.Join(faults...)
	}}
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestNoInterleavingLeavesAContextArmed(t *testing.T) {
	// Only by preemptions: the explorer does not see the locks of package context.
	report, err := bounded(armers, *most, hook)
	require.NoError(t, err)
	require.Greater(t, report.Longest, 9, "the context does not stop at its atomic operations")
	row.Row{
		Searched: "interleavings of a context's atomic operations, 1 scene of a call and 2 waiting goroutines",
		Amount:   fmt.Sprintf("%d schedules of up to %d operations, %d states", report.Schedules, report.Longest, report.States),
		Result:   fmt.Sprintf("none outlives its call, with %d preemptions or more", report.Bound),
	}.Print()
}
