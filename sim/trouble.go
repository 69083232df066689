package sim

import "slices"

// trouble is what the faults of the present do to a replica.
type trouble struct {
	faults                []*Fault // those that have begun and not ended
	down, hang, partition bool
	slow                  float64 // times the service time
	errors                float64 // the share of failures
	share                 float64 // of the workers
}

var untroubled = trouble{slow: 1, share: 1}

// outage is a fault that begins and ends.
type outage struct {
	*Fault
	world *world
	event event
	on    bool
}

func (w *world) newTrouble(f *Fault) {
	o := &outage{Fault: f, world: w}
	o.event.task = o
	w.engine.at(&o.event, f.At)
}

func (o *outage) fire() {
	o.on = !o.on
	if o.on && o.For > 0 {
		o.world.engine.at(&o.event, o.For)
	}
	for i, r := range o.world.hosts[o.Service].replicas {
		if o.Replica == 0 || o.Replica == i+1 {
			r.change(o.Fault, o.on)
		}
	}
}

// change adds a fault to a replica, or takes it away.
func (r *replica) change(f *Fault, on bool) {
	faults := r.faults
	if on {
		faults = append(faults, f)
	} else {
		faults = slices.DeleteFunc(faults, func(g *Fault) bool { return g == f })
	}
	was := r.down
	r.trouble = sumOf(faults)
	if on && f.Cold {
		r.cache = coldCache{cold: true, until: int64(f.end())}
	}
	if r.down && !was {
		r.crash()
	}
	r.fill()
}

// sumOf returns what several faults do together.
func sumOf(faults []*Fault) trouble {
	t := untroubled
	t.faults = faults
	well := 1.0
	for _, f := range faults {
		t.down = t.down || f.Down
		t.hang = t.hang || f.Hang
		t.partition = t.partition || f.Partition
		well *= 1 - f.Errors
		if f.Slow > 0 {
			t.slow *= f.Slow
		}
		if f.Capacity > 0 {
			t.share *= f.Capacity
		}
	}
	t.errors = 1 - well
	return t
}

// crash fails all requests in a replica. Those of a Handler fail when it returns.
func (r *replica) crash() {
	r.crashes++
	for r.queue.first != nil {
		j := r.queue.first.owner
		j.place.leave()
		j.end(ErrDown)
	}
	for r.working.first != nil {
		j := r.working.first.owner
		j.place.leave()
		if r.world.engine.events.remove(&j.event) && !j.hit {
			r.busy--
		}
		j.end(ErrDown)
	}
}

// coldCache is a cache that was emptied. The zero coldCache is as warm as can be.
type coldCache struct {
	cold   bool
	until  int64               // not filled before
	keys   map[string]struct{} // in the cache
	filled int                 // requests without a key that have filled the cache
}

// hits decides whether the cache has the answer for c.
func (r *replica) hits(c *call) bool {
	if r.HitRatio == 0 {
		return false
	}
	ratio := r.HitRatio
	if r.cache.cold {
		if _, ok := r.cache.keys[c.key]; c.key == "" {
			ratio *= float64(r.cache.filled) / float64(r.Entries)
		} else if !ok {
			ratio = 0
		}
	}
	return r.draw() < ratio
}

// keep puts the answer for c into the cache.
func (r *replica) keep(c *call) {
	if !r.cache.cold || r.world.engine.now < r.cache.until {
		return
	}
	if c.key == "" {
		r.cache.filled++
		r.cache.cold = r.cache.filled < r.Entries
		return
	}
	if r.cache.keys == nil {
		r.cache.keys = map[string]struct{}{}
	}
	r.cache.keys[c.key] = struct{}{}
}
