// Package storm injects faults into random pipelines and checks that everything is accounted
// for.
//
// A scene is a pipeline of 1 to 6 policies with random valid configs, two circuits and a
// budget that they share, gates and limiters of their own, and 64 calls. The functions of the
// calls succeed, fail, panic, call runtime.Goexit, hang until they are cancelled, ignore their
// cancellation, cancel their own caller, or reconfigure a circuit. A scene runs in a synctest
// bubble, on real time, which is virtual there, or on an AutoAdvance clock. Half of the scenes
// make one call after another and are played twice: both histories must be the same, byte for
// byte. In the others, eight callers share the pipeline.
//
// Half of the scenes are observed, some of them by an observer of a few kinds of events. In
// the others, policies take the fast paths that they have for unobserved calls. Some policies
// run by a method of their own: Do, Wrap, Run, Exec, retry.Do or breaker.Do. Some breakers
// keep their values, which are recorded at once, when the call has returned, or by the end of
// their context.
//
// The error that a call returned decides nothing. Two probes stand around each policy. They
// see what the policy was asked for, what it ran and what came of that, and check it by rules
// of their own, from the script of the function outwards; see [witness]. Each circuit has a
// [tally], made from the runs inside of its breakers, and each value that a function returned
// has an entry in the [ledger]. The tests replace policies by faulty doubles and check that
// the storm finds each fault.
//
// Gates, limiters, throttles, chaos and hedges have no rules of their own. They are held to
// what package policytest expects of every policy; see [owedRules]. An AutoAdvance clock cannot
// order two attempts of one call, so hedges are in scenes on real time only.
//
// For what must hold in each scene, see [scene.audit] and [scene.settle].
//
// A [whole] is a scene of another kind: every policy there is, cache and coalesce too, in the
// order that docs/policies.md recommends, and 2,000 calls of 25 callers for ten keys and for
// none. Values belong to keys there, and calls share flights, so a value has no single caller.
// What must hold of it is in [whole.audit] and [whole.settle].
package storm
