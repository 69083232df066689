package coalesce_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/policy"
)

// plays runs the steps of a schedule in a coalesce and in its model. It must be called in
// a bubble: after each step, it waits until everything has come to rest.
type plays struct {
	t      *testing.T
	c      *coalesce.Coalesce[int, *int]
	model  *model
	start  time.Time
	all    sync.WaitGroup
	leave  []func() // by caller
	mu     sync.Mutex
	got    []string // by caller; "" while it waits
	ctxs   []context.Context
	ends   []chan string // by flight
	clones map[*int]bool
}

func newPlays(t *testing.T) *plays {
	p := &plays{t: t, model: newModel(), start: time.Now(), clones: map[*int]bool{}}
	p.c = byKey[int, *int]().WithClone(p.clone)
	return p
}

// clone returns a copy that was not handed out before.
func (p *plays) clone(v *int) *int {
	w := new(int)
	*w = *v
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clones[w] = true
	return w
}

// step plays one step of a schedule.
func (p *plays) step(op, arg int) {
	const keys = 3
	switch op %= 8; op {
	case 0, 1:
		p.call(arg%keys, 0, policy.Priority(arg/keys%5-2))
	case 2:
		// No two deadlines are equal: callers that leave at the same instant may do so in
		// any order.
		at := p.model.now + time.Duration(1+arg/keys%4)*time.Second + time.Duration(len(p.got)+1)*time.Microsecond
		p.call(arg%keys, at, policy.Priority(arg%5-2))
	case 3:
		if n := len(p.got); n > 0 {
			p.leave[arg%n]()
			p.model.leave(arg%n, context.Canceled)
		}
	case 4, 5:
		outcomes := []string{"value", "value", "value", "error", "panic", "exit"}
		if running := p.model.running(); len(running) > 0 {
			n, outcome := running[arg%len(running)], outcomes[arg/8%len(outcomes)]
			p.ends[n] <- outcome
			p.model.finish(n, outcome)
		}
	case 6:
		p.c.Forget(arg % keys)
		p.model.forget(arg % keys)
	case 7:
		d := time.Duration(arg%3) * time.Second
		time.Sleep(d)
		p.model.advance(d)
	}
	synctest.Wait()
	p.compare()
}

// call makes a call. Its function waits for the end that the schedule gives it.
func (p *plays) call(key int, deadline time.Duration, priority policy.Priority) {
	n := len(p.got)
	p.got = append(p.got, "")
	ctx, cancel := context.WithCancelCause(policy.WithPriority(with(p.t.Context(), key), priority))
	p.leave = append(p.leave, func() { cancel(departed{n}) })
	if deadline > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, p.start.Add(deadline), departed{n})
		p.t.Cleanup(stop)
	}
	p.all.Go(func() {
		outcome := "exit"
		defer func() {
			if r := recover(); r != nil {
				outcome = fmt.Sprint(r)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.got[n] = outcome
		}()
		v, err := p.c.Do(ctx, p.run)
		switch {
		case err != nil:
			outcome = err.Error()
		default:
			p.mu.Lock()
			defer p.mu.Unlock()
			outcome = fmt.Sprint("value of flight ", *v)
			if !p.clones[v] {
				outcome = "a value that another caller has"
			}
			delete(p.clones, v)
		}
	})
	p.model.call(key, deadline, priority)
}

// run is the function. It ignores its context, so a flight may outlive its callers.
func (p *plays) run(ctx context.Context) (*int, error) {
	p.mu.Lock()
	n, end := len(p.ctxs), make(chan string, 1)
	p.ctxs, p.ends = append(p.ctxs, ctx), append(p.ends, end)
	p.mu.Unlock()
	if n%2 == 0 { // half of the functions listen
		_ = ctx.Done()
	}
	switch outcome := fmt.Sprint(<-end, " of flight ", n); outcome[0] {
	case 'e':
		if outcome[1] == 'x' {
			runtime.Goexit()
		}
		return nil, fmt.Errorf("%s", outcome)
	case 'p':
		panic(outcome)
	}
	return &n, nil
}

// compare compares all that can be seen with the model.
func (p *plays) compare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, m := p.t, p.model
	require.Len(t, p.ctxs, len(m.flights), "functions that have begun")
	for n, f := range m.flights {
		require.Equal(t, f.describe(), seen(p.ctxs[n], p.start), "the context of flight %d", n)
	}
	for n, c := range m.callers {
		want := c.outcome
		if len(want) > 4 && want[:4] == "exit" {
			want = "exit"
		}
		require.Equal(t, want, p.got[n], "caller %d", n)
	}
	require.Equal(t, coalesce.Snapshot{InFlight: len(m.byKey), Flights: m.begun, Joined: m.joined}, p.c.Snapshot())
}

// release ends the functions that a failed test leaves running, so that it can say why.
func (p *plays) release() {
	for _, end := range p.ends {
		select {
		case end <- "value":
		default:
		}
	}
	p.all.Wait()
}

// end ends all flights.
func (p *plays) end() {
	for _, n := range p.model.running() {
		p.ends[n] <- "value"
		p.model.finish(n, "value")
	}
	synctest.Wait()
	p.compare()
	p.all.Wait()
	require.Empty(p.t, p.clones, "every clone is some caller's")
}

func TestRandomSchedulesDoWhatTheModelSays(t *testing.T) {
	captureLog(t) // functions that panic without a caller
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				p := newPlays(t)
				defer p.release()
				for range 40 {
					p.step(rnd.IntN(8), rnd.IntN(256))
				}
				p.end()
			})
		})
	}
}
