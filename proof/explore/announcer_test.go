//go:build ductile_explore

package explore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
)

// unheard is a circuit that has no listener when its threads begin.
type unheard struct {
	*breaker.Circuit
	faults []string
	atEnd  []func()
}

// watch begins to listen. If the circuit is closed when Watch has returned, the watcher must be
// called for the move to Isolated, and in any case for the last Reset.
func (u *unheard) watch() {
	var to []breaker.State
	u.Watch(func(t breaker.Transition) { to = append(to, t.To) })
	want := []breaker.State{breaker.Closed}
	if u.State() == breaker.Closed {
		want = []breaker.State{breaker.Isolated, breaker.Closed}
	}
	u.atEnd = append(u.atEnd, func() {
		if n := len(to); n < len(want) || !slices.Equal(to[n-len(want):], want) {
			u.faults = append(u.faults, fmt.Sprintf("called for %v, want %v at the end", to, want))
		}
	})
}

// isolate moves the circuit, and watchIsolate does after it has begun to listen.
func (u *unheard) isolate()      { u.Isolate("test") }
func (u *unheard) watchIsolate() { u.watch(); u.isolate() }

// listen sets OnStateChange, which is not called for it, and then isolates the circuit.
func (u *unheard) listen() {
	called := 0
	cfg := u.Config()
	cfg.OnStateChange = func(breaker.Transition) { called++ }
	if err := u.Reconfigure(cfg); err != nil {
		u.faults = append(u.faults, err.Error())
	}
	u.isolate()
	u.atEnd = append(u.atEnd, func() {
		if called != 2 {
			u.faults = append(u.faults, fmt.Sprintf("OnStateChange was called %d times, want 2", called))
		}
	})
}

func (u *unheard) check() error {
	u.Reset()
	for _, f := range u.atEnd {
		f()
	}
	if len(u.faults) > 0 {
		return fmt.Errorf("%q", u.faults)
	}
	return nil
}

// The first listeners come at the same time, and beside a move.
func TestTheFirstListenersMissNoMove(t *testing.T) {
	for name, threads := range map[string]func(u *unheard) []func(){
		"one beside a move":            func(u *unheard) []func() { return []func(){u.watch, u.isolate} },
		"two, one of which moves it":   func(u *unheard) []func() { return []func(){u.watch, u.watchIsolate} },
		"OnStateChange beside another": func(u *unheard) []func() { return []func(){u.watch, u.listen} },
		"two beside a move":            func(u *unheard) []func() { return []func(){u.watch, u.watch, u.isolate} },
	} {
		t.Run(name, func(t *testing.T) {
			report, err := Deepest(func() Program {
				u := &unheard{Circuit: breaker.NewCircuit(breaker.Config{})}
				return Program{Threads: threads(u), Check: u.check}
			}, min(*most, 4000), hookLocks)
			require.NoError(t, err)
			assert.Positive(t, report.Schedules)
		})
	}
}
