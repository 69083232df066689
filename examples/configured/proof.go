package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ductile-go/ductile/breaker"
)

// moves is how the circuit of the payments should move.
var moves = []string{"closed > open", "open > half-open", "half-open > closed"}

// prove prints where each call was counted, and compares. No call is running any more.
func (s *story) prove() {
	s.say("the clients have stopped")
	fmt.Fprintln(s.out)
	s.table()
	fmt.Fprintln(s.out)
	s.proveCalls()
	s.proveState()
	s.proveReloads()
}

func (s *story) table() {
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pipeline\tbegun\tended\tobserved\tattempts\tsucceeded\trefused\tfailed\tlost\t")
	for _, kind := range kinds {
		r := s.service.ledger.rows[kind]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", kind, r.begun.Load(), r.ended.Load(), r.finished.Load(), r.ran.Load(),
			r.succeeded.Load(), r.refused.Load(), r.failed.Load(), r.lost())
	}
	_ = w.Flush()
}

// lost returns how many calls are missing where calls are counted.
func (r *row) lost() int64 {
	lost := int64(0)
	for _, n := range []int64{r.ended.Load(), r.started.Load(), r.finished.Load(), r.succeeded.Load() + r.refused.Load() + r.failed.Load()} {
		lost = max(lost, r.begun.Load()-n, n-r.begun.Load())
	}
	return lost
}

func (s *story) proveCalls() {
	var calls, ran, lost int64
	for _, kind := range kinds {
		r := s.service.ledger.rows[kind]
		s.expect(r.begun.Load() > 0, "%s was called", kind)
		calls, ran, lost = calls+r.begun.Load(), ran+r.ran.Load(), lost+r.lost()
	}
	s.expect(lost == 0, "%d calls have begun, have ended, and were observed", calls)
	s.expect(ran == s.backend.requests.Load(), "%d attempts are as many requests to the backend", ran)
}

func (s *story) proveState() {
	l, snap := s.service.ledger, s.service.registry.Snapshot()
	search, charge, trial := l.rows[searching], l.rows[charging], l.rows[trying]
	s.expect(s.searches() == search.ran.Load() && s.searches() == search.judged.Load(), "the circuit of the search has counted each of %d calls, also while it was removed", s.searches())
	g := snap.Bulkheads["search"]
	s.expect(g.InUse+g.Waiting == 0 && g.Admitted == search.ran.Load(), "its gate has admitted %d, and has all places back", g.Admitted)
	b := snap.Budgets["outbound"]
	s.expect(b.Calls == charge.begun.Load() && b.Retries == charge.retries.Load(), "the budget has counted %d calls and granted %d retries", b.Calls, b.Retries)
	tokens := snap.RateLimits["trials"]
	s.expect(tokens.Admitted == trial.ran.Load() && trial.ran.Load() == min(50, trial.begun.Load()) && int64(tokens.Tokens) == 50-trial.ran.Load(),
		"of 50 tokens for trials, %d are taken and %d are left: none was refilled or lost", tokens.Admitted, tokens.Tokens)
	c, ok := s.service.partners.Circuit(lost)
	s.expect(ok && c.State() == breaker.Open, "the circuit of the partner that never answers well is still open")
	n := s.backend.lost.Load()
	s.expect(n >= 3 && n <= int64(3+s.clients), "that partner got %d requests, all before it opened", n)
	watched, observed := l.moves()
	s.expect(slices.Equal(watched, moves), "the circuit of the payments moved %s", strings.Join(watched, ", "))
	// The end of an open state moves the circuit by a timer, unless a call does so first.
	s.expect(slices.Equal(byCalls(observed), byCalls(moves)) && len(observed) <= len(moves), "the observer saw each of them that a call made: %s", strings.Join(observed, ", "))
}

func (s *story) proveReloads() {
	snap := s.service.registry.Snapshot()
	s.expect(snap.Revision == int64(1+s.applied), "%d reloads were applied, and %d refused; the registry counts the same", s.applied, s.refused)
	s.expect(snap.Failed == "", "no error is left of those that were refused")
}

// byCalls returns the moves that only calls make.
func byCalls(moves []string) []string {
	return slices.DeleteFunc(slices.Clone(moves), func(move string) bool { return move == "open > half-open" })
}
