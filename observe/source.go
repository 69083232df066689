package observe

import (
	"fmt"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/internal/members"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// source is something that can be watched. One of its fields is set.
type source struct {
	circuit  *breaker.Circuit
	gauges   func(g *gauges) // adds what a snapshot shows of it
	family   *members.Family
	pipeline describer
}

// describer is a *pipeline.Pipeline of any type.
type describer interface {
	Name() string
	Describe() policy.Description
}

// sourceOf returns how to watch v, or an error if v cannot be watched.
func sourceOf(v any) (source, error) {
	if v == nil || same.Nil(v) {
		return source{}, fmt.Errorf("observe: a %T that is nil cannot be watched", v)
	}
	switch v := v.(type) {
	case *breaker.Circuit:
		return source{circuit: v}, origin.Circuit(v)
	case *bulkhead.Gate:
		return source{gauges: func(g *gauges) {
			s := v.Snapshot()
			g.permits(s.Name, "bulkhead", s.InUse, s.Limit, s.Waiting)
		}}, origin.Gate(v)
	case *adaptive.Limiter:
		return source{gauges: func(g *gauges) {
			s := v.Snapshot()
			g.permits(s.Name, "adaptive", s.InUse, s.Limit, s.Waiting)
		}}, origin.Adaptive(v)
	case *throttle.Throttle:
		return source{gauges: func(g *gauges) { g.throttle(v.Snapshot()) }}, origin.Throttle(v)
	case *ratelimit.Limiter:
		return source{gauges: func(g *gauges) {
			s := v.Snapshot()
			g.permits(s.Name, "ratelimit", s.Burst-s.Tokens, s.Burst, s.Waiting)
		}}, origin.Limiter(v)
	case *retry.Budget:
		return source{gauges: func(g *gauges) { g.budget(v.Config().Name, v.Snapshot()) }}, origin.Budget(v) // not hedge.NoBudget, which has nothing to show
	case members.Source:
		family := v.Members()
		if !watchable(family.Zero) {
			return source{}, unknown(v)
		}
		return source{family: &family}, nil
	case describer:
		if v.Describe().Kind == "pipeline" {
			return source{pipeline: v}, nil
		}
	}
	return source{}, unknown(v)
}

// watchable reports whether values of the type of zero, a nil pointer, can be watched as
// members of a map.
func watchable(zero any) bool {
	switch zero.(type) {
	case *breaker.Circuit, *bulkhead.Gate, *ratelimit.Limiter, *adaptive.Limiter, *throttle.Throttle:
		return true
	}
	return false
}

func unknown(v any) error {
	return fmt.Errorf("observe: a %T cannot be watched, want a *breaker.Circuit, *bulkhead.Gate, *ratelimit.Limiter, "+
		"*adaptive.Limiter, *throttle.Throttle, a *keyed.Map of these, a *retry.Budget or a *pipeline.Pipeline", v)
}
