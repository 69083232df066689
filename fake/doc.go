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
// queues, hedges and tickers. Such a test moves time in three steps:
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
// Advance wakes only goroutines that already wait. A goroutine that calls Sleep after
// Advance sleeps until the next one. A real sleep or a runtime.Gosched before Advance
// makes the hang rare; BlockUntil makes it impossible.
//
// # What a test leaves behind
//
// A clock made with [For] fails the test if a goroutine still waits on the clock when the
// test ends, or if a policy has started a goroutine that has not returned. It reports the
// line that started each of them:
//
//	fake: waiters and goroutines left on the clock at the end of the test: 1; stop, cancel or wake them, or wait until they return:
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
