// Package fake makes tests of resilient calls exact: a virtual clock, scripted
// calls, scripted randomness, and a recorder of events. Nothing in it sleeps in real
// time or polls.
//
//	clk := fake.NewClock(fake.AutoAdvance()) // a sleep moves time and returns at once
//	call := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
//	cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.5)}
//
//	v, err := retry.Do(ctx, cfg, call.Do)
//
//	// v == 42, call.Calls() == 3, clk.Sleeps() == [500ms 1s]
//
// # Which clock
//
// Use [AutoAdvance] if one goroutine does the waiting: a retry, a timeout, a circuit
// that recovers. The test reads like a call in real time and takes none.
//
// Use a clock without it if the order of several goroutines matters: queues, hedges,
// tickers. The test then has the three steps that follow, for each moment that it is
// about:
//
//	go func() { done <- clk.Sleep(ctx, time.Second) }()
//	err := clk.BlockUntil(ctx, 1) // 1. wait until the goroutine waits
//	clk.Advance(time.Second)      // 2. move time
//	err = <-done                  // 3. wait for what that does
//
// [Clock.Waiters] documents what counts as waiting.
//
// # A wrong test
//
// Without the first step, the test hangs now and then:
//
//	go func() { done <- clk.Sleep(ctx, time.Second) }()
//	clk.Advance(time.Second) // wrong: the goroutine may not have reached its Sleep
//	err := <-done            // and then sleeps until a second Advance, which never comes
//
// Advance releases what waits already. A goroutine that calls Sleep later sleeps
// from the later time. A real sleep or a runtime.Gosched before Advance makes the
// hang rare, which is worse; BlockUntil makes it impossible.
//
// # After or Sleep
//
// On an [AutoAdvance] clock, After is for a select and Sleep is for waiting. After
// stops time at the first event on the way, so that the select has one answer, the
// one of real time:
//
//	ctx, cancel := clk.WithTimeout(ctx, 2*time.Second)
//	defer cancel()
//	select {
//	case <-ctx.Done(): // always this one, at 2 s
//	case <-clk.After(5 * time.Second):
//	}
//
// If the function ignored its ctx and received from the channel of After alone, it
// would block at 2 s. Sleep under context.WithoutCancel(ctx) does not.
package fake
