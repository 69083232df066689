package policytest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// Limit lets a number of calls through at a time.
type Limit struct{ places chan struct{} }

// NewLimit returns a limit of n calls.
func NewLimit(n int) *Limit { return &Limit{make(chan struct{}, n)} }

// Execute runs next if there is a place for it.
func (l *Limit) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	if ctx.Err() != nil {
		return 0, policy.Ended(ctx)
	}
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return next.Do(ctx)
	default:
		return 0, fmt.Errorf("limit of %d calls: %w", cap(l.places), policy.ErrRejected)
	}
}

// This is func TestLimit of the package that Limit is in.
func ExampleRun() {
	_ = func(t *testing.T) {
		policytest.Run(t, func() policy.Policy[int] { return NewLimit(10) })
	}
}
