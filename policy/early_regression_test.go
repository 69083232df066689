package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// early is a context that has closed Done and does not have its error yet.
type early struct{ context.Context }

func (early) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// A nil error would say that Wake was called.
func TestWaitFailsIfOnlyDoneSaysThatTheContextHasEnded(t *testing.T) {
	for _, clk := range []policy.Clock{nil, fake.NewClock()} {
		w := policy.NewWaiter(clk)
		assert.Equal(t, context.Canceled, w.Wait(early{t.Context()}))
		w.Wake()
		assert.NoError(t, w.Wait(early{t.Context()}))
	}
}

func TestSleepFailsIfOnlyDoneSaysThatTheContextHasEnded(t *testing.T) {
	for _, clk := range []policy.Clock{nil, fake.NewClock(), plain{fake.NewClock()}} {
		assert.Equal(t, context.Canceled, policy.Sleep(early{t.Context()}, clk, time.Hour))
		for range 100 { // a timer would be due as well, and select picks either
			assert.NoError(t, policy.Sleep(early{t.Context()}, clk, 0))
		}
	}
}

// plain has the methods of policy.Clock alone.
type plain struct{ policy.Clock }
