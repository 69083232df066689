package policytest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// Limit limits the number of concurrent calls.
type Limit struct{ places chan struct{} }

// NewLimit returns a limit of n concurrent calls.
func NewLimit(n int) *Limit { return &Limit{make(chan struct{}, n)} }

// Execute runs next, or returns an error that matches policy.ErrRejected if the limit is
// reached.
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

// TestLimit is the program of the package doc.
func TestLimit(t *testing.T) {
	policytest.Run(t, func() policy.Policy[int] {
		return NewLimit(10)
	})
}

// In the tests of the package that has Limit, this is func TestLimit.
func ExampleRun() {
	_ = func(t *testing.T) {
		policytest.Run(t, func() policy.Policy[int] { return NewLimit(10) })
	}
}
