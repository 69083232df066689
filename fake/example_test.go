package fake_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// A script says what each call comes to; its last step repeats.
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
	for _, e := range rec.Events() {
		fmt.Println(e.Kind)
	}
	// Output:
	// attempted
	// retried
	// attempted
	// gave up
	// fell back
	// finished
}
