package linear

import (
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// crew runs the clients of a history.
type crew interface {
	// together runs functions at the same time, and returns when all have returned.
	together(all ...func())
	// beside begins to run f at the same time as its caller. wait returns when f has.
	beside(f func()) (wait func())
	// pause lets others go on.
	pause()
}

// goroutines is a crew of goroutines. What they do at the same time is up to the scheduler of
// the runtime, and to the system.
type goroutines struct{}

func (goroutines) together(all ...func()) {
	var ready atomic.Int64
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() {
			ready.Add(1)
			for ready.Load() < int64(len(all)) { // so that they begin together
				runtime.Gosched()
			}
			f()
		})
	}
	wg.Wait()
}

func (goroutines) beside(f func()) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	return wg.Wait
}

func (goroutines) pause() { runtime.Gosched() }

// coroutines is a crew that takes turns. At each pause a random number decides which of them
// goes on, so the same seed leads to the same history on every machine, however busy it is.
// They must not wait for each other but by pause.
type coroutines struct {
	rnd     *rand.Rand
	all     []*coroutine // that have not returned
	current *coroutine   // nil while nothing runs beside the caller
}

type coroutine struct {
	resume   func() (struct{}, bool)
	yield    func(struct{}) bool
	returned bool
}

func newCoroutines(seed uint64) *coroutines {
	return &coroutines{rnd: rand.New(rand.NewPCG(seed, 0xc0))}
}

func (c *coroutines) together(all ...func()) {
	for _, f := range all {
		c.begin(f)
	}
	for len(c.all) > 0 {
		i := c.rnd.IntN(len(c.all))
		c.current = c.all[i]
		if _, more := c.current.resume(); !more {
			c.all = slices.Delete(c.all, i, i+1)
		}
	}
	c.current = nil
}

func (c *coroutines) begin(f func()) *coroutine {
	one := new(coroutine)
	one.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
		one.yield = yield
		f()
		one.returned = true
	})
	c.all = append(c.all, one)
	return one
}

func (c *coroutines) beside(f func()) (wait func()) {
	one := c.begin(f)
	return func() {
		for !one.returned {
			c.pause()
		}
	}
}

func (c *coroutines) pause() {
	if c.current != nil {
		c.current.yield(struct{}{})
	}
}
