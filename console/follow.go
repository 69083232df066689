package console

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// maxRibbons bounds the circuits of a Stats whose past is kept.
const maxRibbons = 1000

// followed holds what is noted of the circuits of a Stats that are not in Config.Circuits.
type followed struct {
	stop func()
	// mu guards ribbons: circuits move while snapshots are made.
	mu      sync.Mutex
	ribbons map[string]*ribbon
}

// follow notes the moves that stats is told of.
func (c *Console) follow(stats *observe.Stats) {
	c.followed.ribbons = map[string]*ribbon{}
	c.followed.stop = stats.Follow(c.heard, policy.StateChanged)
}

// heard notes a move. It runs on the goroutine of a call, so it formats nothing.
func (c *Console) heard(_ context.Context, e policy.Event) {
	name := cmp.Or(e.Name, e.Key)         // as the Stats names the members of a family
	if c.byName[shownName(name)] != nil { // noted by watch
		return
	}
	now := policy.Now(c.cfg.Clock)
	var to breaker.State
	if to.UnmarshalText([]byte(e.To)) == nil {
		c.followed.move(name, to, now)
	}
	c.journal.add(&event{At: now, Kind: string(e.Kind), Name: name, From: e.From, To: e.To, Reason: e.Reason, cause: e.Err})
}

func (f *followed) move(name string, to breaker.State, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ribbons[name]
	if r == nil && len(f.ribbons) < maxRibbons {
		r = &ribbon{}
		f.ribbons[name] = r
	}
	if r != nil {
		r.move(to, now)
	}
}

// others returns the circuits of a Stats that are not in Config.Circuits. They are shown
// without the thresholds, which the Stats does not know, and cannot be controlled.
func (c *Console) others(all []breaker.Snapshot, now time.Time) []circuit {
	var shown []circuit
	there := map[string]int{}
	for _, s := range all {
		if c.byName[shownName(s.Name)] != nil {
			continue
		}
		there[s.Name]++
		one := circuit{
			Name: s.Name, State: s.State, Since: s.Since, RetryAfter: s.RetryAfter, Reason: s.Reason,
			Cause: textOf(s.Cause, c.cfg.Redact), Counts: s.Counts, Probes: s.Probes, Shadow: s.Shadow, ReadOnly: true,
		}
		if n := there[s.Name]; n > 1 { // the page tells circuits apart by their names
			one.Name += " (" + strconv.Itoa(n) + ")"
		} else {
			one.Ribbon = c.followed.ribbon(s, now)
		}
		shown = append(shown, one)
	}
	c.followed.keep(there)
	return shown
}

func (f *followed) ribbon(s breaker.Snapshot, now time.Time) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ribbons[s.Name]
	if r == nil {
		if len(f.ribbons) >= maxRibbons {
			return ""
		}
		r = &ribbon{}
		r.begin(s.State, s.Since, now)
		f.ribbons[s.Name] = r
	}
	return r.text(now)
}

// keep forgets the circuits that are gone.
func (f *followed) keep(there map[string]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.ribbons {
		if there[name] == 0 {
			delete(f.ribbons, name)
		}
	}
}
