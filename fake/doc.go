// Package fake makes tests of resilient calls exact: a virtual clock, scripted
// calls, scripted randomness, and a recorder of events. Nothing in it sleeps or
// polls.
//
//	clk := fake.NewClock(fake.AutoAdvance()) // whoever sleeps moves time
//	call := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
//	cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.5)}
//
//	v, err := retry.Do(ctx, cfg, call.Do)
//
//	// v == 42, call.Calls() == 3, clk.Sleeps() == [500ms 1s]
package fake
