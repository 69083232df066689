package breaker

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/same"
)

// Config returns the config in force, with the defaults filled in. NewCircuit and
// Reconfigure accept it as it is.
func (c *Circuit) Config() Config { return c.gen.Load().rules.config(c.name) }

// Reconfigure puts cfg in force at once, also for calls in flight, and keeps the state:
//
//   - Closed keeps its counters. If Window or WindowCalls change, counting begins anew,
//     and calls in flight do not count. If the counters have passed a new threshold
//     already, the next failure or slow call opens the circuit.
//   - Half-open keeps its permits and the counts of its probes. If these suffice for a
//     verdict, the circuit moves when the next probe ends.
//   - Open keeps the time at which it began, and ends one new recovery timeout after it.
//     After a Trip for a given time it ends as before.
//   - Isolated stays isolated.
//
// Functions given to [Circuit.Watch] are called; OnStateChange is not. If cfg is equal to
// the config in force, Reconfigure does nothing; functions are equal if they are the same
// value. It returns the error of [Config.Validate], or an error if cfg has another Name or
// Clock than the circuit. Then nothing has changed.
func (c *Circuit) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := (fault.Kept{Name: c.name, Clock: c.clock()}).Check("breaker: Config", "circuit", cfg.Name, cfg.Clock); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	if cfg.OnStateChange != nil {
		c.getAnnouncer()
	}
	r := rulesOf(cfg)
	for {
		cur := c.gen.Load()
		was := cur.rules.config(c.name)
		if was.equal(cfg) || c.swap(cur, c.again(cur, &r, was)) {
			return nil
		}
		// A move or another Reconfigure came first.
	}
}

// again returns the generation that continues cur under new rules.
func (c *Circuit) again(cur *generation, r *rules, was Config) *generation {
	to := &generation{
		circuit: c, rules: r, root: cur.root, counters: cur.counters,
		state: cur.state, entry: cur.entry, seq: cur.seq + 1, entered: cur.entered,
	}
	if cur.state == Closed {
		if was.Window == r.cold.Window && was.WindowCalls == r.cold.WindowCalls {
			to.closeLike(cur)
		} else {
			to.closeAnew()
		}
		return to
	}
	shut := *cur.shut
	shut.rejection.gen, shut.rejection.lenient = to, r.shadow && !shut.rejection.forced
	to.shut = &shut
	if cur.state == Open {
		opening := *shut.opening
		shut.opening = &opening
		if !shut.rejection.timed && !was.recoversLike(r.config(c.name)) {
			c.extend(to)
		}
	}
	return to
}

// extend recomputes the end of an open state as if it had begun under its new rules.
func (c *Circuit) extend(to *generation) {
	was, o := &to.shut.rejection, to.shut.opening
	o.until = later(to.entered, c.period(to.rules, &step{
		cause: was.Cause, why: to.entry.why(), reopening: int(was.reopening), forced: was.forced,
	}))
	o.arm(c, time.Duration(o.until-c.time.Now()))
}

// recoversLike reports whether an open state lasts as long under both configs.
func (c *Config) recoversLike(o Config) bool {
	return c.RecoveryTimeout == o.RecoveryTimeout && c.MaxRecoveryTimeout == o.MaxRecoveryTimeout &&
		c.RecoveryJitter == o.RecoveryJitter && sameFunc(unsafe.Pointer(&c.RecoveryFor), unsafe.Pointer(&o.RecoveryFor))
}

// equal reports whether two configs are the same in every field. It compares by reflection,
// so that no field can be left out.
func (c Config) equal(o Config) bool {
	a, b := reflect.ValueOf(&c).Elem(), reflect.ValueOf(&o).Elem()
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		var alike bool
		switch x.Kind() {
		case reflect.Func:
			alike = sameFunc(x.Addr().UnsafePointer(), y.Addr().UnsafePointer())
		case reflect.Interface:
			alike = same.Clocks(x.Interface(), y.Interface())
		default:
			alike = x.Equal(y)
		}
		if !alike {
			return false
		}
	}
	return true
}

// sameFunc compares two variables of a function type by the function values that they
// point to. Two closures of the same code differ.
func sameFunc(a, b unsafe.Pointer) bool { return *(*unsafe.Pointer)(a) == *(*unsafe.Pointer)(b) }
