package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/nearest"
)

// Bounds of a scenario. They keep the memory of a run, and of its report, in bounds.
const (
	longest = 24 * time.Hour
	many    = 1_000_000 // replicas, users, calls of a burst, keys
	fastest = 1e9       // calls a second
)

// Validate returns nil if [Run] accepts s, or else all that is wrong with it, by field.
func (s Scenario) Validate() error {
	v := &validator{Scenario: &s, List: fault.Of("sim: Scenario")}
	if s.Duration <= 0 || s.Duration > longest {
		v.Add("Duration", s.Duration, "more than 0, and at most 24h0m0s")
	}
	if s.Warmup < 0 || s.Warmup > max(s.Duration, 0) {
		v.Add("Warmup", s.Warmup, "0 to Duration")
	}
	if len(s.Clients) == 0 {
		v.Add("Clients", "empty", "at least one client")
	}
	v.names()
	for i := range s.Clients {
		v.client(index("Clients", i), &s.Clients[i])
	}
	for i := range s.Services {
		v.service(index("Services", i), &s.Services[i])
	}
	v.cycles()
	for i := range s.Faults {
		v.fault(index("Faults", i), &s.Faults[i])
	}
	for i := range s.Expect {
		v.expect(index("Expect", i), &s.Expect[i])
	}
	return v.Err()
}

func index(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

type validator struct {
	*Scenario
	*fault.List
	serviceNames, variantNames []string
}

// names collects the names, each of which may be used once.
func (v *validator) names() {
	clients := map[string]bool{}
	for i := range v.Clients {
		name := clientName(v.Clients[i].Name, i)
		v.once(index("Clients", i), name, clients)
	}
	services := map[string]bool{}
	for i := range v.Services {
		name := v.Services[i].Name
		if name == "" {
			v.Add(index("Services", i)+".Name", `""`, "a name, for Client.Calls and Fault.Service")
			continue
		}
		v.once(index("Services", i), name, services)
		if clients[name] {
			v.Add(index("Services", i)+".Name", strconv.Quote(name), "another name than a client has: Variant.Pipeline is asked by name")
		}
		v.serviceNames = append(v.serviceNames, name)
	}
	variants := map[string]bool{}
	for i := range v.Variants {
		v.once(index("Variants", i), v.Variants[i].Name, variants)
		v.variantNames = append(v.variantNames, v.Variants[i].Name)
	}
	if len(v.Variants) == 0 {
		v.variantNames = []string{plain}
	}
}

func (v *validator) once(field, name string, seen map[string]bool) {
	if seen[name] {
		v.Add(field+".Name", strconv.Quote(name), "a name of its own, this one is taken")
	}
	seen[name] = true
}

// known adds a fault if name is not in names.
func (v *validator) known(field, name, what string, names []string) {
	if slices.Contains(names, name) {
		return
	}
	want := "the name of a " + what + nearest.HintAfter("; ", name, names)
	if len(names) == 0 {
		want += ", of which there are none"
	}
	v.Add(field, strconv.Quote(name), want)
}

func (v *validator) share(field string, share float64) {
	if !(share >= 0 && share <= 1) {
		v.Add(field, share, "0 to 1")
	}
}

func (v *validator) count(field string, n, most int) {
	if n < 0 || n > most {
		v.Add(field, n, fmt.Sprintf("0 to %d", most))
	}
}

func (v *validator) dist(field string, d Dist) {
	if d.wrong != "" {
		v.Add(field, d, "a distribution that makes sense: "+d.wrong)
	}
}

func (v *validator) client(field string, c *Client) {
	v.count(field+".Replicas", c.Replicas, many)
	v.count(field+".Closed", c.Closed, many)
	v.count(field+".Burst", c.Burst, many)
	v.count(field+".Keys", c.Keys, many)
	v.dist(field+".Think", c.Think)
	if !(c.Rate >= 0 && c.Rate <= fastest) {
		v.Add(field+".Rate", c.Rate, "0 to 1e9 calls per second")
	}
	if c.Rate == 0 && c.Closed == 0 && c.Burst == 0 {
		v.Add(field+".Rate", c.Rate, "more than 0, unless Closed or Burst is: the client makes no calls")
	}
	switch {
	case c.Do != nil && c.Calls != "":
		v.Add(field+".Calls", strconv.Quote(c.Calls), `"", since Do is set: Do calls services through Call`)
	case c.Do == nil && c.Calls == "":
		v.Add(field+".Calls", `""`, "the name of a service, or Do"+v.services())
	case c.Do == nil:
		v.known(field+".Calls", c.Calls, "service", v.serviceNames)
	}
	left := 1 + 1e-9 // shares such as 0.7, 0.2 and 0.1 add up to a little more than 1
	for i, class := range c.Classes {
		if !(class.Share > 0 && class.Share <= left) {
			v.Add(fmt.Sprintf("%s.Classes[%d].Share", field, i), class.Share, "more than 0, and at most what the classes before leave of 1")
		}
		left -= class.Share
	}
}

func (v *validator) services() string {
	if len(v.serviceNames) == 0 {
		return ""
	}
	return ": " + strings.Join(v.serviceNames, ", ")
}

func (v *validator) service(field string, s *Service) {
	v.count(field+".Replicas", s.Replicas, many)
	v.count(field+".Workers", s.Workers, math.MaxInt32)
	v.count(field+".Queue", s.Queue, math.MaxInt32)
	v.count(field+".Entries", s.Entries, math.MaxInt32)
	v.dist(field+".ServiceTime", s.ServiceTime)
	v.dist(field+".HitTime", s.HitTime)
	v.share(field+".HitRatio", s.HitRatio)
	if !(s.Drag >= 0 && s.Drag <= 1000) {
		v.Add(field+".Drag", s.Drag, "0 to 1000")
	}
	if s.RetryAfter < 0 {
		v.Add(field+".RetryAfter", s.RetryAfter, "0 for no hint, or more")
	}
	switch s.Balance {
	case "", RoundRobin, Random, LeastRequests:
	default:
		balances := []string{RoundRobin, Random, LeastRequests}
		v.Add(field+".Balance", strconv.Quote(s.Balance), strings.Join(balances, ", ")+` or ""`+nearest.HintAfter("; ", s.Balance, balances))
	}
	for i, name := range s.Calls {
		v.known(fmt.Sprintf("%s.Calls[%d]", field, i), name, "service", v.serviceNames)
	}
	if s.Handler != nil {
		v.unset(field+".ServiceTime", s.ServiceTime.text != "")
		v.unset(field+".Calls", len(s.Calls) > 0)
		v.unset(field+".HitRatio", s.HitRatio != 0)
	}
}

// unset adds a fault if a field is set beside Handler.
func (v *validator) unset(field string, set bool) {
	if set {
		v.Add(field, "set", "not set: Handler is the service's code")
	}
}

// cycles refuses services that call themselves, directly or through others.
func (v *validator) cycles() {
	calls := map[string][]string{}
	for _, s := range v.Services {
		calls[s.Name] = s.Calls
	}
	done := map[string]bool{}
	var visit func(name string, path []string) []string
	visit = func(name string, path []string) []string {
		for i, p := range path {
			if p == name {
				return append(path[i:], name)
			}
		}
		if done[name] {
			return nil
		}
		for _, next := range calls[name] {
			if cycle := visit(next, append(path, name)); cycle != nil {
				return cycle
			}
		}
		done[name] = true
		return nil
	}
	for i, s := range v.Services {
		if cycle := visit(s.Name, nil); cycle != nil {
			v.Add(index("Services", i)+".Calls", strings.Join(cycle, " > "), "no service that calls itself")
			return
		}
	}
}
