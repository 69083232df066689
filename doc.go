// Package ductile is the map of a resilience library: it exports nothing. Ductile wraps
// any Go call
//
//	func(ctx context.Context) (T, error)
//
// in a pipeline of policies that retry it, limit its time, refuse it while the service is
// down, limit how many calls run, or answer in its place.
//
//	stripe := breaker.NewCircuit(breaker.Config{Name: "stripe"})
//	p := pipeline.Standard[*Session](pipeline.StandardConfig{Circuit: stripe})
//	session, err := p.Do(ctx, createSession)
//
// Start with package pipeline. It composes the policies of
//
//   - policy: Timeout, Fallback, Check and Select, and the contract for policies of your own
//   - retry: another attempt when it may help, and how long to wait first; retry budgets
//   - breaker: a circuit for each dependency, which refuses calls while it is open
//   - bulkhead: a limit on calls at a time, with a queue
//   - adaptive: a limit on calls at a time that finds itself
//   - ratelimit: a limit on calls in a time
//   - throttle: sheds calls to a dependency that refuses many of them
//   - hedge: another attempt beside a slow one
//   - coalesce: one call out of those that want the same thing at the same time
//   - chaos: faults for a share of the calls, to rehearse an outage
//   - cache: the kept results of earlier calls, fresh, stale or negative
//   - keyed: one circuit, gate or limiter for each host, tenant or route, bounded in number
//
// Package registry keeps policies under names, made from one declaration, and changes them
// while calls run.
//
// Package observe counts what pipelines do, for metrics and pages, and logs it. The module
// ductileotel exports metrics and spans to OpenTelemetry.
//
// The module ductileprom exports it to Prometheus.
//
// The module ductileconfig reads the declaration of package registry from files and the
// environment, and reloads it.
//
// The command ductile, in the module cmd/ductile, checks configuration and says what it
// does at worst.
//
// Package console serves a live page of all this, for a debug server.
//
// Package sim rehearses outages in virtual time, with the policies that run in production.
//
// For HTTP there is package ductilehttp: an http.RoundTripper, a client for JSON, and a
// handler that passes deadlines on. The module ductilestripe connects it to the Stripe
// SDK. The module ductilegrpc has options for gRPC clients and interceptors for servers.
// The module ductileotter keeps the entries of package cache in otter, bounded by size.
//
// For tests there are package fake, with a virtual clock and scripted functions, and
// package policytest, which checks a policy of your own against the contract.
//
// Imports point one way. Package policy imports nothing of this module but internal
// packages. The other policies import policy, pipeline imports the policies, and what
// observes or configures pipelines imports pipeline.
package ductile
