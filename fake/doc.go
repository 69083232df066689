// Package fake is for tests of resilient calls: a virtual clock, scripted calls,
// scripted randomness, and a recorder of events. Use it wherever a test would
// otherwise sleep, poll, or accept a range of durations.
//
//	func TestRetriesTwice(t *testing.T) {
//		clk := fake.NewClock(fake.AutoAdvance(), fake.For(t)) // a sleep moves time and returns at once
//		call := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
//		cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.5)}
//
//		v, err := retry.Do(t.Context(), cfg, call.Do)
//
//		require.NoError(t, err)
//		require.Equal(t, 42, v)
//		require.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps())
//	}
//
// # Which clock
//
// Use [AutoAdvance] if one goroutine does the waiting: a retry, a timeout, a circuit
// that recovers. The test then reads like a call in real time.
//
// Use a clock without AutoAdvance if the order of several goroutines matters, as with
// queues, hedges and tickers. The test then has three steps for each time that it is
// about:
//
//	go func() { done <- clk.Sleep(ctx, time.Second) }()
//	err := clk.BlockUntil(ctx, 1) // 1. wait until the goroutine waits
//	clk.Advance(time.Second)      // 2. move time
//	err = <-done                  // 3. wait for the effect
//
// [Clock.Waiters] documents what counts as waiting.
//
// # A wrong test
//
// Without the first step, the test hangs now and then:
//
//	go func() { done <- clk.Sleep(ctx, time.Second) }()
//	clk.Advance(time.Second) // wrong: the goroutine may not have called Sleep yet
//	err := <-done            // it then sleeps until a second Advance, which never comes
//
// Advance wakes only what waits already. A goroutine that calls Sleep later sleeps from
// the later time. A real sleep or a runtime.Gosched before Advance makes the hang rare;
// BlockUntil makes it impossible.
//
// # What a test leaves behind
//
// A clock made with [For] checks at the end of the test that nothing waits on it any
// more and that the goroutines have returned which policies started through it. It
// reports each of them with the line that started it:
//
//	fake: the test has ended and 1 of what it started on the clock is left; stop, cancel or wake it, and wait for its goroutines:
//		due in 30s: NewTicker(30s) at poller.go:21 (poll.New), called from poller_test.go:15 (poll.TestPolls)
//
// # After or Sleep
//
// On an [AutoAdvance] clock, After is for a select and Sleep is for waiting. After
// stops time at the first event on the way, so that the select has the same answer as
// in real time:
//
//	ctx, cancel := clk.WithTimeout(ctx, 2*time.Second)
//	defer cancel()
//	select {
//	case <-ctx.Done(): // always this one, at 2 s
//	case <-clk.After(5 * time.Second):
//	}
//
// A function that ignores ctx and only receives from the channel of After would block
// at 2 s. Sleep under context.WithoutCancel(ctx) would not.
package fake
