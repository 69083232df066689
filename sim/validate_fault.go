package sim

import (
	"fmt"
	"strconv"

	"github.com/ductile-go/ductile/internal/nearest"
)

func (v *validator) fault(field string, f *Fault) {
	if f.At < 0 || f.At > max(v.Duration, 0) {
		v.Add(field+".At", f.At, "0 to Duration")
	}
	others := f.Down || f.Hang || f.Partition || f.Slow != 0 || f.Errors != 0 || f.Capacity != 0
	switch {
	case !others && !f.Cold:
		v.Add(field, "without a kind", "one or more of Down, Slow, Errors, Hang, Capacity, Partition and Cold; a Capacity of 0 means not set: for no capacity use Down")
	case f.For < 0 || f.For == 0 && others:
		v.Add(field+".For", f.For, "more than 0")
	}
	v.share(field+".Errors", f.Errors)
	if !(f.Capacity >= 0 && f.Capacity <= 1) {
		v.Add(field+".Capacity", f.Capacity, "more than 0 and at most 1; for no capacity use Down")
	}
	if !(f.Slow >= 0 && f.Slow <= 1e9) {
		v.Add(field+".Slow", f.Slow, "more than 0, such as 10 for ten times the service time")
	}
	v.known(field+".Service", f.Service, "service", v.serviceNames)
	for i := range v.Services {
		if s := &v.Services[i]; s.Name == f.Service {
			v.acts(field, f, s)
			return
		}
	}
}

// acts refuses a fault that would do nothing to its service.
func (v *validator) acts(field string, f *Fault, s *Service) {
	v.count(field+".Replica", f.Replica, max(s.Replicas, 1))
	if f.Capacity > 0 && s.Workers == 0 {
		v.Add(field+".Capacity", f.Capacity, fmt.Sprintf("0, since %s has no limit of Workers", s.Name))
	}
	if f.Slow > 0 && s.ServiceTime.text == "" {
		v.Add(field+".Slow", f.Slow, fmt.Sprintf("0, since %s has no ServiceTime", s.Name))
	}
	if f.Cold && s.HitRatio == 0 {
		v.Add(field+".Cold", f.Cold, fmt.Sprintf("false, since %s has no HitRatio", s.Name))
	}
}

func (v *validator) expect(field string, e *Expect) {
	if e.Variant != "" {
		v.known(field+".Variant", e.Variant, "variant", v.variantNames)
	}
	v.NotNegative(field+".RecoversWithin", e.RecoversWithin)
	if e.RecoversWithin > 0 && len(v.Faults) == 0 {
		v.Add(field+".RecoversWithin", e.RecoversWithin, "0, since there are no Faults")
	}
	switch e.When {
	case "", "before":
	case "during", "after":
		if len(v.Faults) == 0 {
			v.Add(field+".When", strconv.Quote(e.When), `"" or "before", since there are no Faults`)
		}
	default:
		stretches := []string{"before", "during", "after"}
		v.Add(field+".When", strconv.Quote(e.When), `"before", "during", "after" or ""`+nearest.HintAfter("; ", e.When, stretches))
	}
	empty := e.RecoversWithin == 0
	for _, c := range conditions {
		text := c.text(e)
		if text == "" {
			continue
		}
		empty = false
		if _, err := parseBound(text, c.read); err != nil {
			v.Add(field+"."+c.field, strconv.Quote(text), c.want)
		}
	}
	if empty {
		v.Add(field, "empty", "a condition, such as Success: \">= 99%\"")
	}
}
