package storm

import (
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// allIsGivenBack complains of places, permits and tokens that are not.
func (w *whole) allIsGivenBack() {
	if is := w.gate.Snapshot(); is.InUse != 0 || is.Waiting != 0 {
		w.complain("the gate has %d in use and %d waiting", is.InUse, is.Waiting)
	}
	if is := w.adaptive.Snapshot(); is.InUse != 0 || is.Waiting != 0 {
		w.complain("the adaptive limiter has %d in use and %d waiting", is.InUse, is.Waiting)
	}
	if is := w.limiter.Snapshot(); is.Waiting != 0 || is.Tokens != is.Burst {
		w.complain("the rate limiter has %d waiting and %d of %d tokens, a second after the last call", is.Waiting, is.Tokens, is.Burst)
	}
	if is := w.coalesce.Snapshot(); is.InFlight != 0 {
		w.complain("%d flights are in the air", is.InFlight)
	}
	if is := w.circuit.Snapshot(); is.Probes != 0 {
		w.complain("the circuit has %d probes out", is.Probes)
	}
	for key, n := range w.refresh {
		if n != 0 {
			w.complain("%d refreshes of %s run", n, key)
		}
	}
}

// permits takes all permits of a half-open circuit, and gives them back. The mutex is not held,
// because the circuit may move.
func (w *whole) permits() {
	if w.circuit.State() != breaker.HalfOpen {
		return
	}
	var all []*breaker.Permit
	for {
		p, err := new(breaker.Permit), error(nil)
		if *p, err = w.circuit.Acquire(); err != nil {
			break
		}
		all = append(all, p)
	}
	if want := w.circuit.Config().HalfOpenMaxCalls; len(all) != want {
		w.fault("the half-open circuit has %d permits, want %d", len(all), want)
	}
	for _, p := range all {
		p.Record(policy.Ignored)
	}
}

// withinLimits complains of calls beyond a limit.
func (w *whole) withinLimits() {
	if !w.staged {
		return
	}
	if p, limit, is := w.gates.exceeded(); is {
		w.complain("%d were inside of the gate, whose limit was %d", p.n, limit)
	}
	if p, limit, is := w.adapts.exceeded(); is {
		w.complain("%d were inside of the adaptive limiter, whose limit was %d", p.n, limit)
	}
	if over := w.fastest.overrun(w.tokens); over > 2 {
		w.complain("the rate limiter was %v ahead of %+v", over, w.fastest)
	}
	budget := w.budget.Snapshot()
	cfg := w.budget.Config()
	if most := int64(cfg.Ratio*float64(budget.Calls)+cfg.MinPerSecond*cfg.Window.Seconds()) + 1; budget.Retries > most {
		w.complain("the budget granted %d of %d calls, want %d at most", budget.Retries, budget.Calls, most)
	}
	if began := w.retries + w.hedges - w.givenBack; began > budget.Retries {
		w.complain("%d further attempts began, and the budget granted %d", began, budget.Retries)
	}
}

// equal complains if two sums differ.
func (w *whole) equal(what string, is, want int64) {
	if is != want {
		w.complain("%s: %d, want %d", what, is, want)
	}
}

// sumsAgree compares the totals of the policies with those of the stages.
func (w *whole) sumsAgree() {
	c, f := w.cache.Snapshot(), w.coalesce.Snapshot()
	gate, adapt, limit := w.gate.Snapshot(), w.adaptive.Snapshot(), w.limiter.Snapshot()
	if !w.staged {
		return
	}
	is := w.stages
	w.equal("calls of the cache", c.Hits+c.Stale+c.Negative+c.Misses+c.Bypassed-c.StaleIfError, is[atCache].came-is[atCache].gone)
	w.equal("calls of the coalesce", f.Flights+f.Joined, is[atCoalesce].keyed)
	w.equal("admitted by the gate", gate.Admitted, is[atGate].through)
	w.equal("rejected by the gate", gate.Rejected, is[atGate].refused)
	w.equal("admitted by the adaptive limiter", adapt.Admitted, is[atAdaptive].through)
	w.equal("rejected by the adaptive limiter", adapt.Rejected, is[atAdaptive].refused)
	w.equal("admitted by the rate limiter", limit.Admitted, is[atLimiter].through)
	w.equal("rejected by the rate limiter", limit.Rejected, is[atLimiter].refused)
	w.throttleAgrees(&is[atThrottle])
	w.circuitAgrees(&is[atBreaker])
	injected, calls := int64(0), int64(0)
	for _, in := range w.chaos.Snapshot() {
		injected += in.Injected
		calls = max(calls, in.Calls)
	}
	if calls > is[atChaos].came || injected > is[atChaos].came {
		w.complain("chaos counts %d calls and %d injections, and %d came", calls, injected, is[atChaos].came)
	}
	if ends := is[atChaos].came - is[atChaos].through; ends > injected+is[atChaos].gone+is[atChaos].left {
		w.complain("chaos ended %d calls, and injected %d", ends, injected)
	}
}

func (w *whole) throttleAgrees(is *counts) {
	s := w.throttle.Snapshot()
	w.near("requests of the throttle", s.Requests, is.successes+is.failures+is.refused, is.unsure)
	w.equal("accepts of the throttle", s.Accepts, is.successes)
}

func (w *whole) near(what string, is, want, more int64) {
	if is < want || is > want+more {
		w.complain("%s: %d, want %d to %d", what, is, want, want+more)
	}
}

// circuitAgrees compares the circuit's counts with those of its stage.
func (w *whole) circuitAgrees(is *counts) {
	counted := w.circuit.Snapshot().Counts
	rejected := counted.Rejected
	for _, m := range w.moves {
		rejected += m.Counts.Rejected
	}
	w.equal("rejected by the circuit", rejected, is.refused)
	if !w.rare {
		return
	}
	w.equal("successes of the circuit", counted.Successes, is.successes)
	w.near("failures of the circuit", counted.Failures, is.failures, is.unsure)
	w.near("ignored by the circuit", counted.Ignored, is.ignored, is.unsure)
}

// eventsAgree compares the events with the totals.
func (w *whole) eventsAgree() {
	for n, is := range w.finished {
		if is != 0 {
			w.complain("call %d: %d more Finished events than Started ones", n, is)
		}
	}
	c, f := w.cache.Snapshot(), w.coalesce.Snapshot()
	w.equal("served fresh", w.heard["served from fresh"], c.Hits)
	w.equal("served stale", w.heard["served from stale"], c.Stale)
	w.equal("served negative", w.heard["served from negative"], c.Negative)
	w.equal("refreshed", w.heard["refreshed cache"], c.Refreshes)
	w.equal("joined", w.heard["joined coalesce"], f.Joined)
	injected := int64(0)
	for _, in := range w.chaos.Snapshot() {
		injected += in.Injected
	}
	w.equal("injected", w.heard["injected chaos"], injected)
	w.equal("rejected by the gate, as told", w.heard["rejected bulkhead"]-w.heard["left bulkhead"], w.gate.Snapshot().Rejected)
	w.equal("rejected by the adaptive limiter, as told", w.heard["rejected adaptive"]-w.heard["left adaptive"], w.adaptive.Snapshot().Rejected)
	w.equal("rejected by the rate limiter, as told", w.heard["rejected ratelimit"]-w.heard["left ratelimit"], w.limiter.Snapshot().Rejected)
	if !w.staged {
		return
	}
	is := w.stages
	w.equal("rejected by the circuit, as told", w.heard["rejected breaker"], is[atBreaker].refused)
	w.equal("rejected by the throttle, as told", w.heard["rejected throttle"], is[atThrottle].refused)
	w.near("retried", w.heard["retried retry"], w.retries, is[atRetry].left) // and left before it began
	w.equal("hedged", w.heard["hedged hedge"], w.hedges)
	judged := w.heard["judged success"] + w.heard["judged failure"] + w.heard["judged ignored"]
	w.equal("judged", judged, is[atBreaker].through)
	w.equal("judged a success", w.heard["judged success"], is[atBreaker].successes)
	w.near("judged a failure", w.heard["judged failure"], is[atBreaker].failures, is[atBreaker].unsure)
}

// meets adds what the scene had of each thing that the scenes are to have.
func (w *whole) meets(met map[string]int64) {
	c := w.cache.Snapshot()
	met["hits"] += c.Hits
	met["stale values"] += c.Stale - c.StaleIfError
	met["stale values in place of errors"] += c.StaleIfError
	met["kept errors"] += c.Negative
	met["bypassed calls"] += c.Bypassed
	met["evictions"] += c.Evicted
	met["refreshes"] += c.Refreshes
	met["failed refreshes"] += c.RefreshFailures
	met["joined flights"] += w.coalesce.Snapshot().Joined
	met["rejections by the gate"] += w.gate.Snapshot().Rejected
	met["rejections by the adaptive limiter"] += w.adaptive.Snapshot().Rejected
	met["rejections by the rate limiter"] += w.limiter.Snapshot().Rejected
	met["rejections by the throttle"] += w.stages[atThrottle].refused
	met["rejections by the circuit"] += w.stages[atBreaker].refused
	met["retries"] += w.retries
	met["hedges"] += w.hedges
	met["moves of the circuit"] += int64(len(w.moves))
	met["moves of the adaptive limit"] += int64(len(w.adapts.limits)) - 1
	for _, in := range w.chaos.Snapshot() {
		met["injections of a "+in.Kind] += in.Injected
	}
	for _, way := range []string{"flown", "discarded", "late"} {
		met["values that were "+way] += 0
	}
	for _, way := range []string{"raised", "late", "finished_late", "refreshed"} {
		met["panics that were "+way] += 0
	}
	for _, f := range w.fates {
		for _, way := range f.ways {
			if f.value {
				met["values that were "+way]++
			} else {
				met["panics that were "+way]++
			}
		}
	}
}
