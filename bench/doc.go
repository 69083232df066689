// Package bench measures ductile beside its peers, in one run on one machine.
//
// The benchmarks are in the package's tests, a file per group of scenarios.
// Each is named BenchmarkScenario/lib=name/mode=serial or /mode=parallel, which
// benchstat can pivot. A benchmark calls a func value that makes one call
// through the library; lib=bare is such a func value that calls the function at
// once, and lib=mutex and lib=withtimeout put a [sync.Mutex] or a
// [context.WithTimeout] in the library's place.
//
// Where peers differ in what they can be given, they are given what costs them
// least: a function without a context or a result where theirs has none, an
// executor made once rather than for each caller's context. What a peer does
// less for its time is a note in [Scenarios], and ends up in the results.
//
// The HTTP scenarios measure what callers use: an http.Client on a library's
// RoundTripper, or the client that a library brings along, over a stub or over
// loopback. There, lib=bare is an http.Client with a loop by hand.
//
// A test beside each scenario proves that every contender does the scenario's
// work.
package bench
