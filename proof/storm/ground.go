package storm

import (
	"sync"
	"testing/synctest"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// ground is where a scene is played: what its goroutines are, and what moves its time.
type ground interface {
	time() policy.Clock     // nil means real time
	apart(all ...func())    // runs each on a goroutine of its own, which Goexit may end, and waits for them
	rest()                  // returns when no other goroutine can run
	pause(d time.Duration)  // moves time
	linger(d time.Duration) // waits for what has been abandoned
	waiters() int           // that are left on the clock
}

// bubble is the ground of a bubble of testing/synctest, on real time or on a clock.
type bubble struct{ clock *fake.Clock }

func (b bubble) time() policy.Clock {
	if b.clock == nil {
		return nil
	}
	return b.clock
}

func (b bubble) apart(all ...func()) {
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(f)
	}
	wg.Wait()
}

func (b bubble) rest() { synctest.Wait() }

func (b bubble) pause(d time.Duration) {
	if b.clock != nil {
		b.clock.Advance(d)
		return
	}
	time.Sleep(d)
}

func (b bubble) linger(d time.Duration) { time.Sleep(d) }

func (b bubble) waiters() int {
	if b.clock == nil {
		return 0
	}
	return b.clock.Waiters()
}
