package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// settings configure a run.
type settings struct {
	clients int
	length  time.Duration
	pause   time.Duration // between two calls of a client
	budget  bool
}

// attempts is the maximum number of attempts per call.
const attempts = 3

// budget is the budget of the runs that have one.
var budget = retry.BudgetConfig{Ratio: 0.1, MinPerSecond: 10, Window: time.Second}

// config scales durations with the run, so that even a short run goes through every state.
func (s settings) config(base http.RoundTripper) ductilehttp.Config {
	attempt := min(max(s.length/20, 100*time.Millisecond), time.Second)
	cfg := ductilehttp.Config{
		Base:           base,
		AttemptTimeout: attempt,
		TotalTimeout:   10 * attempt,
		Retry:          retry.Config{MaxAttempts: attempts, BaseDelay: attempt / 10, MaxDelay: attempt / 2},
		Circuits: breaker.Config{
			FailureRate: 0.8, Window: s.length / 10, RecoveryTimeout: s.length / 30,
		},
	}
	if s.budget {
		cfg.Retry.Budget = retry.NewBudget(budget)
	}
	return cfg
}

// run is one run of the load.
type run struct {
	settings
	begun   time.Time
	server  *server
	tries   *tries
	client  *http.Client
	calls   *tally
	latency latencies
}

func newRun(s settings) *run {
	r := &run{settings: s, begun: time.Now(), calls: newTally()}
	r.server = newServer(r.phase)
	r.tries = &tries{base: &http.Transport{MaxIdleConnsPerHost: s.clients}}
	r.client = &http.Client{Transport: ductilehttp.NewTransport(s.config(r.tries))}
	return r
}

func (r *run) phase() int { return at(time.Since(r.begun), r.length) }

// tries counts the attempts that the policies admit.
type tries struct {
	base *http.Transport
	n    atomic.Int64
}

func (t *tries) RoundTrip(r *http.Request) (*http.Response, error) {
	t.n.Add(1)
	return t.base.RoundTrip(r)
}

func (t *tries) CloseIdleConnections() { t.base.CloseIdleConnections() }

// measure makes a run and returns its figures.
func measure(ctx context.Context, s settings) (figures, error) {
	r := newRun(s)
	defer r.server.Close()
	watch := newWatch(r.server, r.length/100)
	defer watch.stop()
	if err := r.play(ctx); err != nil {
		return figures{}, err
	}
	recovered := r.recovers(ctx)
	r.client.CloseIdleConnections()
	f := r.figures()
	f.recovered = recovered
	f.resources = watch.end(ctx)
	return f, ctx.Err()
}

// grace is how long after its time limit a call counts as lost.
const grace = 30 * time.Second

// play runs all clients until the run's time is over, and waits for the calls in flight.
func (r *run) play(ctx context.Context) error {
	var clients sync.WaitGroup
	for i := range r.clients {
		clients.Go(func() {
			// Spread evenly, as independent clients would be.
			pause := r.pause * time.Duration(i) / time.Duration(r.clients)
			for policy.Sleep(ctx, nil, pause) == nil && time.Since(r.begun) < r.length {
				r.call(ctx)
				pause = r.pause
			}
		})
	}
	all := make(chan struct{})
	go func() {
		clients.Wait()
		close(all)
	}()
	select {
	case <-all:
		return ctx.Err()
	case <-time.After(r.length + r.config(nil).TotalTimeout + grace):
		return fmt.Errorf("%d calls began, and only %d ended", r.calls.started.Load(), r.calls.ended())
	}
}

// call makes one logical call and records its outcome.
func (r *run) call(ctx context.Context) outcome {
	phase, start := r.phase(), time.Now()
	r.calls.started.Add(1)
	o, err := r.get(ctx)
	r.latency.add(time.Since(start))
	r.calls.note(phase, o, err)
	return o
}

func (r *run) get(ctx context.Context) (outcome, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL, nil)
	if err != nil {
		return unexpected, err
	}
	return outcomeOf(r.client.Do(req))
}

// recovers reports whether calls succeed again once the server is healthy. How soon depends
// on the circuit and on the machine.
func (r *run) recovers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for policy.Sleep(ctx, nil, r.pause) == nil {
		if r.call(ctx) == ok {
			return true
		}
	}
	return false
}
