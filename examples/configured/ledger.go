package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// ledger counts each call where it begins, where it reaches the function, where it ends,
// and where the observer of the registry sees it.
type ledger struct {
	rows map[string]*row

	mu       sync.Mutex
	watched  []string // moves of the payments' circuit, by its Watch
	observed []string // the same moves, by the registry's observer
}

// row is the counts of a pipeline.
type row struct {
	begun, ran, ended          atomic.Int64 // by the service
	succeeded, refused, failed atomic.Int64 // of those that ended
	started, finished          atomic.Int64 // by the observer
	judged                     atomic.Int64
	retries                    atomic.Int64 // that reached the function
}

func newLedger() *ledger {
	l := &ledger{rows: map[string]*row{}}
	for _, kind := range kinds {
		l.rows[kind] = new(row)
	}
	return l
}

// end enters the result of a call.
func (r *row) end(v status, err error) {
	switch {
	case errors.Is(err, policy.ErrRejected):
		r.refused.Add(1)
	case err != nil:
		r.failed.Add(1)
	case v == http.StatusNoContent:
		r.succeeded.Add(1)
	}
	r.ended.Add(1)
}

// observe is the registry's observer.
func (l *ledger) observe(_ context.Context, e policy.Event) {
	r := l.rows[e.Pipeline]
	if r == nil {
		return
	}
	switch e.Kind {
	case policy.Started:
		r.started.Add(1)
	case policy.Finished:
		r.finished.Add(1)
	case policy.Judged:
		r.judged.Add(1)
	case policy.StateChanged:
		if e.Name == "payments" {
			l.move(&l.observed, e.From, e.To)
		}
	default: // not counted here
	}
}

// watch is given to the Watch of the payments' circuit. A reload is told there too, as a move
// from a state to itself.
func (l *ledger) watch(t breaker.Transition) {
	if t.From != t.To {
		l.move(&l.watched, t.From.String(), t.To.String())
	}
}

func (l *ledger) move(list *[]string, from, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, from+" > "+to)
}

func (l *ledger) moves() (watched, observed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(watched, l.watched...), append(observed, l.observed...)
}
