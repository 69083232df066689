// Package origin lets our packages check that a value of another one comes from its
// constructor, without an exported method for it.
package origin

// Each function returns nil for a value that its constructor made, and an error that says
// what is wrong for one that is nil or zero. The package of the value sets it when it is
// initialized.
var (
	Circuit  func(c any) error // a *breaker.Circuit
	Gate     func(g any) error // a *bulkhead.Gate
	Limiter  func(l any) error // a *ratelimit.Limiter
	Throttle func(t any) error // a *throttle.Throttle
	Adaptive func(l any) error // an *adaptive.Limiter
	Registry func(r any) error // a *registry.Registry
	Stats    func(s any) error // an *observe.Stats
	Budget   func(b any) error // a *retry.Budget
)
