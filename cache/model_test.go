package cache_test

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/policy"
)

// model says what a cache does, one call at a time, with its entries in a map and a list of
// refreshes that are in the air.
type model struct {
	cfg   config
	share float64 // of the TTLs that jitter leaves
	now   time.Time
	keys  map[string]*modelKey
	snap  cache.Snapshot
}

type modelKey struct {
	e      *cache.Entry[int]
	failed int
	until  time.Time
	air    *air // its refresh
}

// air is a refresh in the air.
type air struct {
	ends   time.Time
	out    outcome
	cut    bool // by RefreshTimeout
	voided bool
}

// outcome is what a function returns after a time.
type outcome struct {
	v    int
	err  error
	took time.Duration
}

func (o outcome) do(ctx context.Context) (int, error) {
	if err := policy.Sleep(ctx, nil, o.took); err != nil {
		return 0, err
	}
	return o.v, o.err
}

func (m *model) key(k string) *modelKey {
	if m.keys[k] == nil {
		m.keys[k] = &modelKey{}
	}
	return m.keys[k]
}

// advance moves time, and ends the refreshes that are due.
func (m *model) advance(to time.Time) {
	for {
		var next *modelKey
		for _, k := range m.keys {
			if k.air != nil && !k.air.ends.After(to) && (next == nil || k.air.ends.Before(next.air.ends)) {
				next = k
			}
		}
		if next == nil {
			m.now = to
			return
		}
		m.now = next.air.ends
		m.endRefresh(next)
	}
}

func (m *model) endRefresh(k *modelKey) {
	a := k.air
	k.air = nil
	m.snap.Refreshes++
	kept := a.out.err == nil || isMissing(a.out.err) && !a.cut
	if !kept {
		m.snap.RefreshFailures++
	}
	switch {
	case a.voided:
	case kept:
		m.keep(k, a.out)
	default:
		k.failed++
		cool := min(m.cfg.Cooldown<<(k.failed-1), m.cfg.Stale)
		k.until = m.now.Add(cool)
	}
}

func (m *model) keep(k *modelKey, o outcome) {
	e := cache.Entry[int]{Value: o.v, Err: o.err, Made: m.now}
	if o.err != nil {
		e.Fresh = m.now.Add(time.Duration(float64(m.cfg.NegativeTTL) * m.share))
		e.Stale, e.Keep = e.Fresh, e.Fresh
	} else {
		e.Fresh = m.now.Add(time.Duration(float64(m.cfg.TTL) * m.share))
		e.Stale = e.Fresh.Add(m.cfg.Stale)
		e.Keep = e.Stale.Add(m.cfg.StaleIfError)
	}
	k.e, k.failed = &e, 0
}

// get returns what a call returns whose function has the outcome o. It moves time to the
// end of the call.
func (m *model) get(key string, o outcome) (int, error) {
	k := m.key(key)
	e := k.e
	switch {
	case e != nil && m.now.Before(e.Fresh):
		if e.Err != nil {
			m.snap.Negative++
		} else {
			m.snap.Hits++
		}
		return e.Value, e.Err
	case e != nil && m.now.Before(e.Stale):
		m.snap.Stale++
		m.refresh(k, o)
		return e.Value, nil
	}
	m.snap.Misses++
	o = m.fly(k, o)
	if o.err == nil || isMissing(o.err) {
		return o.v, o.err
	}
	if e != nil && m.now.Before(e.Keep) && m.cfg.StaleIfError > 0 {
		m.snap.Stale++
		m.snap.StaleIfError++
		return e.Value, nil
	}
	return o.v, o.err
}

// refresh begins a refresh, if one may.
func (m *model) refresh(k *modelKey, o outcome) {
	if k.air != nil || k.failed > 0 && m.now.Before(k.until) {
		return
	}
	m.snap.Flights++
	k.air = &air{ends: m.now.Add(o.took), out: o}
	if o.took > m.cfg.RefreshTimeout {
		k.air.ends = m.now.Add(m.cfg.RefreshTimeout)
		k.air.out = outcome{err: context.DeadlineExceeded}
		k.air.cut = true
	}
}

// fly waits for the refresh in the air, or runs the function.
func (m *model) fly(k *modelKey, o outcome) outcome {
	if a := k.air; a != nil && !a.voided {
		m.advance(a.ends)
		if !a.cut {
			return a.out
		}
	}
	m.snap.Flights++
	m.advance(m.now.Add(o.took))
	if o.err == nil || isMissing(o.err) {
		m.keep(k, o)
	}
	return o
}

func (m *model) void(k *modelKey) {
	k.failed = 0
	if k.air != nil {
		k.air.voided = true
	}
}

func (m *model) delete(key string) {
	m.void(m.key(key))
	m.key(key).e = nil
}

func (m *model) makeStale(key string) {
	k := m.key(key)
	m.void(k)
	switch e := k.e; {
	case e == nil:
	case m.cfg.Stale == 0 || e.Err != nil:
		k.e = nil
	case m.now.Before(e.Fresh):
		old := *e
		old.Fresh = m.now
		k.e = &old
	}
}

var outcomes = []error{nil, nil, errDown, errDown, errMissing, policy.ErrRejected, errors.New("another")}
