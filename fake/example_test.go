package fake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The script has one step for each call. The last step repeats.
func ExampleNewFunc() {
	f := fake.NewFunc[int]().Fail(errors.New("busy")).Return(42)
	for range 3 {
		fmt.Println(f.Do(context.Background()))
	}
	fmt.Println(f.Calls(), "calls")
	// Output:
	// 0 busy
	// 42 <nil>
	// 42 <nil>
	// 3 calls
}

// Scripted randomness makes jitter exact.
func ExampleRand() {
	clk := fake.NewClock(fake.AutoAdvance())
	cfg := retry.Config{BaseDelay: time.Second, Clock: clk, Rand: fake.Rand(0, 0.75)}
	_, _ = retry.Do(context.Background(), cfg, fake.NewFunc[int]().Fail(errors.New("busy")).Do)
	fmt.Println(clk.Sleeps()) // 1 s - 10 %, 2 s + 5 %
	// Output: [900ms 2.1s]
}

func ExampleNewRecorder() {
	clk := fake.NewClock(fake.AutoAdvance())
	rec := fake.NewRecorder()
	p := pipeline.New(
		policy.FallbackValue(7),
		retry.New[int](retry.Config{MaxAttempts: 2, Clock: clk}),
	).WithObserver(rec.Observe)
	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("busy")).Do)
	for _, kind := range rec.Kinds() {
		fmt.Println(kind)
	}
	// Output:
	// started
	// attempted
	// retried
	// attempted
	// gave_up
	// fell_back
	// recovered
	// finished
}

// A test of a retry needs no second goroutine: its sleeps move time.
func ExampleNewClock() {
	errBusy := errors.New("busy")
	clk := fake.NewClock(fake.AutoAdvance())
	call := fake.NewFunc[int]().Fail(errBusy, errBusy).Return(42)
	v, err := retry.Do(context.Background(), retry.Config{Clock: clk, Rand: fake.Rand(0.5)}, call.Do)
	fmt.Println(v, err, call.Calls(), clk.Sleeps())
	// Output: 42 <nil> 3 [500ms 1s]
}

// On an AutoAdvance clock, a select takes the same case as in real time.
func ExampleAutoAdvance() {
	clk := fake.NewClock(fake.AutoAdvance())
	begun := clk.Now()
	ctx, cancel := clk.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	select {
	case <-ctx.Done():
		fmt.Println(ctx.Err(), "after", clk.Now().Sub(begun))
	case <-clk.After(5 * time.Second):
		fmt.Println("never printed")
	}
	// Output: context deadline exceeded after 2s
}

// Wait until the goroutine sleeps, and then move time.
func ExampleClock_BlockUntil() {
	ctx := context.Background()
	clk := fake.NewClock()
	done := make(chan error)
	go func() { done <- clk.Sleep(ctx, time.Second) }()
	_ = clk.BlockUntil(ctx, 1)
	clk.Advance(time.Second)
	fmt.Println(<-done)
	// Output: <nil>
}

func ExampleAt() {
	clk := fake.NewClock(fake.At(time.Date(2024, time.February, 29, 23, 59, 59, 0, time.UTC)))
	clk.Advance(time.Second)
	fmt.Println(clk.Now().Format(time.DateTime))
	// Output: 2024-03-01 00:00:00
}

// Setting the clock back changes what Now returns, and not how long things wait.
func ExampleClock_Set() {
	clk := fake.NewClock()
	timer := clk.NewTimer(time.Minute)
	clk.Set(clk.Now().Add(-time.Hour))
	fmt.Println(clk.Now().Format(time.DateTime))
	clk.Advance(time.Minute)
	fmt.Println((<-timer.C).Format(time.DateTime))
	// Output:
	// 1999-12-31 23:00:00
	// 1999-12-31 23:01:00
}

// A timer that has fired can be stopped or reset without receiving its value.
func ExampleClock_NewTimer() {
	clk := fake.NewClock()
	begun := clk.Now()
	timer := clk.NewTimer(time.Second)
	clk.Advance(time.Second)
	timer.Reset(time.Minute)
	d, _ := clk.AdvanceToNext()
	fmt.Println(d, (<-timer.C).Sub(begun))
	// Output: 1m0s 1m1s
}

func ExampleClock_NewTicker() {
	clk := fake.NewClock()
	begun := clk.Now()
	ticker := clk.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for range 3 {
		clk.AdvanceToNext()
		fmt.Println((<-ticker.C).Sub(begun))
	}
	// Output:
	// 10s
	// 20s
	// 30s
}

func ExampleClock_AfterFunc() {
	clk := fake.NewClock()
	stop := clk.AfterFunc(time.Minute, func() { fmt.Println("refresh") })
	clk.Advance(time.Minute)
	fmt.Println(stop())
	// Output:
	// refresh
	// false
}

// A goroutine in Wait counts as a waiter of the clock.
func ExampleClock_NewWaiter() {
	ctx := context.Background()
	clk := fake.NewClock()
	turn, done := clk.NewWaiter(), make(chan error)
	clk.Go(func() { done <- turn.Wait(ctx) })
	_ = clk.BlockUntil(ctx, 1)
	turn.Wake()
	fmt.Println(<-done, clk.Waiters())
	// Output: <nil> 0
}

// ExampleFor is a test of a poller that forgets to stop its ticker. In a test, pass its
// t to For.
func ExampleFor() {
	t := &report{}
	clk := fake.NewClock(fake.For(t))
	poller := clk.NewTicker(time.Minute)
	clk.Advance(time.Minute)
	<-poller.C
	t.end()
	// Output:
	// fake: waiters and goroutines left on the clock at the end of the test: 1; stop, cancel or wake them, or wait until they return:
	//	due in 1m0s: NewTicker(1m0s)
}

// report is a *testing.T that prints.
type report struct{ cleanup func() }

func (r *report) Helper()          {}
func (r *report) Cleanup(f func()) { r.cleanup = f }
func (r *report) end()             { r.cleanup() }
func (r *report) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Println(text[:strings.LastIndex(text, " at ")]) // without the place, which differs
}
