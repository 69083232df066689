package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
)

// server answers every request with answer, except the ones that it is set to fail.
type server struct {
	*httptest.Server
	broken atomic.Int64 // requests still to fail
	asked  atomic.Int64
}

func newServer(answer string) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		if s.broken.Add(-1) >= 0 {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	return s
}

const forever = 1 << 40

// tell plays the flow on a good day and on bad days, and returns an error if an expectation
// failed.
func tell(ctx context.Context, out io.Writer) error {
	data := newServer(`{"id": "7", "name": "Ada"}`)
	defer data.Close()
	orchestrator := newServer(`{}`)
	defer orchestrator.Close()
	clock := fake.NewClock(fake.AutoAdvance())
	f := newFlow(data.URL, orchestrator.URL, clock)

	var faults []error
	step := func(title string, wantErr error, wantData, wantOrchestrator breaker.State) {
		start, asked := clock.Now(), data.asked.Load()+orchestrator.asked.Load()
		found, err := f.process(ctx, "7", "the engine has no pretensions to originate anything")
		result := fmt.Sprintf("%d words by %s", found.Words, found.Author)
		if err != nil {
			result = err.Error()
		}
		d, o := f.data.circuit.State(), f.orchestrator.circuit.State()
		fmt.Fprintf(out, "%s\n  %s\n  requests: %d, %v of waiting; dataservice %s, orchestrator %s\n\n", title, result,
			data.asked.Load()+orchestrator.asked.Load()-asked, clock.Now().Sub(start).Round(time.Millisecond), d, o)
		if !errors.Is(err, wantErr) || d != wantData || o != wantOrchestrator {
			faults = append(faults, fmt.Errorf("%s: got %s, %s, %s, want %w, %s, %s", title, result, d, o, wantErr, wantData, wantOrchestrator))
		}
	}

	step("all is well", nil, breaker.Closed, breaker.Closed)
	data.broken.Store(2)
	step("the data service fails twice", nil, breaker.Closed, breaker.Closed)
	f.analyse = flaky(2)
	step("the analysis fails twice", nil, breaker.Closed, breaker.Closed)
	f.analyse = analyse
	orchestrator.broken.Store(forever)
	step("the orchestrator is down: three failures open its circuit", statusError(503), breaker.Closed, breaker.Open)
	step("so it is left alone, and the data service still works", breaker.ErrOpen, breaker.Closed, breaker.Open)
	orchestrator.broken.Store(0)
	clock.Advance(30 * time.Second)
	step("30 s later it is back", nil, breaker.Closed, breaker.Closed)
	data.broken.Store(forever)
	step("the data service is down", statusError(503), breaker.Closed, breaker.Closed)
	step("two more failures open its circuit", breaker.ErrOpen, breaker.Open, breaker.Closed)
	data.broken.Store(0)
	clock.Advance(15 * time.Second)
	step("15 s later it is back", nil, breaker.Closed, breaker.Closed)
	return errors.Join(faults...)
}

// flaky returns an analysis that fails n times before it works.
func flaky(n int) func(context.Context, user, string) (features, error) {
	return func(ctx context.Context, u user, text string) (features, error) {
		if n--; n >= 0 {
			return features{}, errors.New("the model is warming up")
		}
		return analyse(ctx, u, text)
	}
}
