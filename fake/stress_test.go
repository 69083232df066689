package fake_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
)

// TestConcurrentUseNeitherDeadlocksNorLeaks uses a clock in every way from many
// goroutines while another one advances it. Contexts are derived from contexts that are
// about to end.
func TestConcurrentUseNeitherDeadlocksNorLeaks(t *testing.T) {
	for _, clk := range []*fake.Clock{fake.NewClock(), fake.NewClock(fake.AutoAdvance())} {
		uses := []func(d time.Duration){
			func(d time.Duration) { _ = clk.Sleep(t.Context(), d) },
			func(d time.Duration) { <-clk.After(d) },
			func(d time.Duration) {
				parent, cancel := clk.WithTimeout(t.Context(), d)
				defer cancel()
				child, cancelChild := context.WithCancel(parent)
				defer cancelChild()
				context.AfterFunc(child, func() {})
				<-child.Done()
			},
			func(d time.Duration) {
				parent, cancel := clk.WithTimeout(t.Context(), d)
				defer cancel()
				child, cancelChild := clk.WithTimeout(parent, 2*d)
				defer cancelChild()
				<-child.Done()
			},
			func(d time.Duration) {
				_ = clk.BlockUntil(t.Context(), 0)
				_, cancel := clk.WithTimeout(t.Context(), d)
				cancel()
			},
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				for n := range 50 {
					uses[i%len(uses)](time.Duration(n) * time.Microsecond)
				}
			})
		}
		over := make(chan struct{})
		go func() { wg.Wait(); close(over) }()
		for ended := false; !ended; {
			select {
			case <-over:
				ended = true
			default:
				clk.Advance(10 * time.Microsecond)
				runtime.Gosched()
			}
		}
		assert.Zero(t, clk.Waiters())
	}
}
