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
	// mu guards the maps: circuits move while snapshots are made and actions carried out.
	mu      sync.Mutex
	ribbons map[string]*ribbon
	acted   map[string]*watched // those that an action was for
}

// follow notes the moves of circuits that stats observes.
func (c *Console) follow(stats *observe.Stats) {
	c.followed.ribbons, c.followed.acted = map[string]*ribbon{}, map[string]*watched{}
	c.followed.stop = stats.Follow(c.heard, policy.StateChanged)
}

// heard notes a move. It runs on the goroutine of a call, so it formats nothing.
func (c *Console) heard(_ context.Context, e policy.Event) {
	name := cmp.Or(e.Name, e.Key) // as the Stats names the members of a family
	if c.own(name) != nil {       // noted by watch
		return
	}
	now := policy.Now(c.cfg.Clock)
	entry := &event{At: now, Kind: string(e.Kind), Name: name, From: e.From, To: e.To, Reason: e.Reason, cause: e.Err}
	var to breaker.State
	if to.UnmarshalText([]byte(e.To)) == nil {
		c.followed.move(name, to, now)
		if w := c.followed.actedOn(name); w != nil {
			w.sign(entry, breaker.Transition{To: to, Reason: e.Reason, At: policy.Now(w.clock)})
		}
	}
	c.journal.add(entry)
}

func (f *followed) actedOn(name string) *watched {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acted[name]
}

// own returns the circuit of that name in Config.Circuits or in the Registry, or nil.
func (c *Console) own(name string) *watched {
	if w := c.byName[shownName(name)]; w != nil {
		return w
	}
	return c.enlisted.find(name)
}

// find returns the circuit of a name for an action, or nil. A circuit that only the Stats
// watches can be acted on if it has a name that no other has.
func (c *Console) find(name string) *watched {
	if w := c.own(name); w != nil || c.cfg.Stats == nil {
		return w
	}
	for shown, circuit := range named(c.cfg.Stats) {
		if shownName(shown) != name {
			continue
		}
		return c.followed.act(shown, &watched{Circuit: circuit, clock: circuit.Config().Clock})
	}
	return nil
}

// act returns what is noted of the actions on a circuit: fresh, if there were none yet.
func (f *followed) act(name string, fresh *watched) *watched {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.acted[name]; w != nil && w.Circuit == fresh.Circuit {
		return w
	}
	f.acted[name] = fresh
	return fresh
}

// named returns the circuits that stats watches and that have a name of their own.
func named(stats *observe.Stats) map[string]*breaker.Circuit {
	all, twice := map[string]*breaker.Circuit{}, map[string]bool{"": true}
	for _, circuit := range stats.Circuits() {
		name := circuit.Name()
		if all[name] != nil && all[name] != circuit {
			twice[name] = true
		}
		all[name] = circuit
	}
	for name := range twice {
		delete(all, name)
	}
	return all
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

// others returns the circuits of a Stats that are in neither Config.Circuits nor the
// Registry. Those without a name of their own are shown without thresholds, and cannot be
// controlled.
func (c *Console) others(all []breaker.Snapshot, now time.Time) []circuit {
	var shown []circuit
	there, own := map[string]int{}, named(c.cfg.Stats)
	for _, s := range all {
		if c.own(s.Name) != nil {
			continue
		}
		there[s.Name]++
		one := circuit{
			Name: s.Name, State: s.State, Since: s.Since, RetryAfter: s.RetryAfter, Reason: s.Reason,
			Cause: textOf(s.Cause, c.cfg.Redact), Counts: s.Counts, Probes: s.Probes, Shadow: s.Shadow,
		}
		if circuit := own[s.Name]; circuit != nil {
			cfg := circuit.Config()
			one.Window, one.Meters = windowOf(cfg), metersOf(s, cfg)
		} else {
			one.ReadOnly = true
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
			delete(f.acted, name)
		}
	}
}
