// Package observe counts what pipelines do, for metrics and pages, and writes it to logs.
//
//	stats := observe.New(observe.Config{})
//	stats.Watch(circuit, gate, budget)
//
//	p := pipeline.New(
//		retry.New[*User](retry.Config{Budget: budget}),
//		breaker.New[*User](circuit),
//	).WithName("users").
//		WithObserver(stats.Observe).
//		WithObserver(observe.Log(slog.Default().Handler(), observe.LogConfig{}))
//
// A [Stats] is one store for all pipelines of a program. Its [Stats.Snapshot] has the
// series of the instruments that [Instruments] lists: durations of calls and attempts,
// attempts per call, rejections, calls in flight, and the states and moves of circuits.
// Packages that export to other systems, and pages, read it. Nothing is sampled and no
// goroutine runs. A Stats is also an expvar.Var:
//
//	expvar.Publish("ductile", stats) // in GET /debug/vars
//
// The number of series is bounded, whatever names a program or its clients invent: beyond
// Config.MaxSeries an instrument counts in one overflow series, and operations, error
// types and keys beyond their limits are "_OTHER". No measurement is lost.
//
// Being counted takes about 40 ns an event and allocates nothing.
//
// [Log] is an observer for log/slog. During an outage it writes a few records a minute and
// not one for each call.
package observe
