// Worker sends the mails of a queue. When the mail server is down, a budget bounds the
// retries, a circuit stops the calls, and what was refused goes back to the queue until
// the circuit lets a probe through. On a signal the worker finishes the mail in hand and
// leaves the others in the queue.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// mail is the number of a mail.
type mail int

// worker sends mails. Any number of goroutines may run it.
type worker struct {
	queue chan mail // has room for every mail that exists
	calls *pipeline.Pipeline[string]
	clock policy.Clock
	send  func(ctx context.Context, m mail) (string, error)
	log   *log.Logger
}

// newWorker returns a worker with a queue of n mails. Retries may be a fifth of the calls.
func newWorker(n int, clock policy.Clock, send func(context.Context, mail) (string, error), out io.Writer) *worker {
	budget := retry.NewBudget(retry.BudgetConfig{Ratio: 0.2, MinPerSecond: 0.1, Clock: clock})
	circuit := breaker.NewCircuit(breaker.Config{Name: "smtp", FailureThreshold: 4, Clock: clock})
	w := &worker{queue: make(chan mail, n), clock: clock, send: send, log: log.New(out, "", 0)}
	w.calls = pipeline.New(
		retry.New[string](retry.Config{BaseDelay: time.Second, JitterFactor: retry.NoJitter, Budget: budget, Clock: clock}),
		breaker.New[string](circuit),
		policy.NewTimeout[string](policy.TimeoutConfig{After: 10 * time.Second, Clock: clock}),
	)
	for m := range n {
		w.queue <- mail(m + 1)
	}
	return w
}

// run sends mails until the queue is empty or ctx ends.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case m := <-w.queue:
			w.handle(ctx, m)
		default:
			return
		}
	}
}

// handle sends one mail. A shutdown does not end it: the timeout of each attempt, and the
// few attempts, bound what a shutdown waits for.
func (w *worker) handle(ctx context.Context, m mail) {
	answer, err := w.calls.Do(context.WithoutCancel(ctx), func(ctx context.Context) (string, error) { return w.send(ctx, m) })
	if err == nil {
		w.log.Printf("mail %d: %s", m, answer)
		return
	}
	w.queue <- m
	if gaveUp, ok := errors.AsType[*retry.Error](err); ok {
		err = gaveUp.Reason
	}
	w.log.Printf("mail %d: back to the queue: %v", m, err)
	if refused, ok := errors.AsType[*breaker.OpenError](err); ok {
		wait := refused.RetryAfter()
		w.log.Printf("the worker rests for %v", wait)
		_ = policy.Sleep(ctx, w.clock, wait) // a shutdown ends this
	}
}

func main() {
	tell(context.Background(), os.Stdout)
}

func tell(ctx context.Context, out io.Writer) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, shutdown := context.WithCancel(ctx)
	defer shutdown()
	clock := fake.NewClock(fake.AutoAdvance()) // virtual time: leave Clock out for real time
	requests := 0
	w := newWorker(8, clock, func(_ context.Context, m mail) (string, error) {
		requests++
		switch {
		case requests >= 2 && requests <= 6:
			return "", errors.New("421 service not available")
		case m == 7:
			fmt.Fprintln(out, "a signal arrives while mail 7 is sent")
			shutdown() // as SIGTERM would
		}
		return "sent", nil
	}, out)

	const workers = 1 // so that each run writes the same
	var running sync.WaitGroup
	for range workers {
		running.Go(func() { w.run(ctx) })
	}
	running.Wait()
	fmt.Fprintf(out, "%d requests in %v; %d mails are left in the queue\n", requests, clock.Now().Sub(fake.NewClock().Now()), len(w.queue))
}
