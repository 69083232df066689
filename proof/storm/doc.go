// Package storm throws faults at random pipelines and keeps the books.
//
// A scene is a pipeline of 1 to 6 policies with random valid configs, two
// circuits and a budget that they share, and a number of calls whose functions
// succeed, fail, panic, call runtime.Goexit, hang until they are cancelled, pay
// no attention to being cancelled, or cancel their own caller. It runs in a
// synctest bubble, on real time, which is virtual there, or on an AutoAdvance
// clock. Some scenes make one call after another, and are played twice: their
// histories must be the same, byte for byte. In the others eight callers share
// the pipeline.
//
// Half of the scenes are observed, some of them by an observer that wants a few kinds of
// events only. In the others policies go the ways that they
// keep for calls that nobody watches, and some, in either kind, run by a door of
// their own: Do, Wrap, Run, Exec, retry.Do or breaker.Do.
//
// Nothing is judged by the error that a call returned. Around each policy stand
// two probes, which see what it was asked for, what it ran and what came of it,
// and hold that to rules of their own, from the script of the function outwards:
// see [witness]. Each circuit has a [tally] of its own, made from the runs inside
// of its breakers, and each value that a function returned has a place in the
// [ledger]. The tests put faulty policies in the place of the library's and see
// that the storm finds each of them.
//
// What must hold in each scene: see [scene.audit] and [scene.settle].
package storm
