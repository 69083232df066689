package breaker

import (
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/window"
)

// Validate returns nil for a config that [NewCircuit] accepts. Otherwise the error joins
// all faults, each of which names its field.
func (c Config) Validate() error {
	faults := fault.Of("breaker: Config")
	for _, f := range []struct {
		field string
		value int
	}{
		{"FailureThreshold", c.FailureThreshold}, {"WindowCalls", c.WindowCalls}, {"MinCalls", c.MinCalls},
		{"HalfOpenMaxCalls", c.HalfOpenMaxCalls}, {"SuccessThreshold", c.SuccessThreshold}, {"ProbeCalls", c.ProbeCalls},
	} {
		if f.value < 0 || f.value > math.MaxInt32 {
			faults.Add(f.field, f.value, "0 to 2147483647")
		}
	}
	for _, f := range []struct {
		field string
		value time.Duration
	}{
		{"SlowCall", c.SlowCall}, {"Window", c.Window}, {"MaxRecoveryTimeout", c.MaxRecoveryTimeout},
	} {
		if f.value < 0 {
			faults.Add(f.field, f.value, "0 or more")
		}
	}
	for _, f := range []struct {
		field string
		value float64
	}{
		{"FailureRate", c.FailureRate}, {"SlowRate", c.SlowRate}, {"RecoveryJitter", c.RecoveryJitter},
		{"ProbeFailureRate", c.ProbeFailureRate},
	} {
		if !(f.value >= 0 && f.value <= 1) { // also true of NaN
			faults.Add(f.field, f.value, "0 to 1")
		}
	}
	c.validateWindow(faults)
	c.validateProbes(faults)
	if c.RecoveryTimeout < NoWait {
		faults.Add("RecoveryTimeout", c.RecoveryTimeout, "0 or more, or NoWait")
	}
	if r := c.withDefaults().RecoveryTimeout; c.MaxRecoveryTimeout > 0 && c.MaxRecoveryTimeout < r {
		faults.Add("MaxRecoveryTimeout", c.MaxRecoveryTimeout, fmt.Sprintf("at least RecoveryTimeout, %v", r))
	}
	return faults.Err()
}

// validateWindow adds the faults of fields about the window: those that contradict each
// other or would have no effect.
func (c Config) validateWindow(faults *fault.List) {
	windowed := c.Window > 0 || c.WindowCalls > 0
	if c.Window > 0 && c.WindowCalls > 0 {
		faults.Add("WindowCalls", c.WindowCalls, "0 beside Window: a window is of time or of calls")
	}
	if c.Window > 0 && c.Window < window.Buckets {
		faults.Add("Window", c.Window, fmt.Sprintf("at least %v, a nanosecond for each bucket", time.Duration(window.Buckets)))
	}
	if c.WindowCalls > maxWindowCalls {
		faults.Add("WindowCalls", c.WindowCalls, fmt.Sprintf("at most %d", maxWindowCalls))
	}
	if c.WindowCalls > 0 && c.FailureThreshold > c.WindowCalls {
		faults.Add("FailureThreshold", c.FailureThreshold, fmt.Sprintf("at most WindowCalls, %d", c.WindowCalls))
	}
	if c.WindowCalls > 0 && c.MinCalls > c.WindowCalls {
		faults.Add("MinCalls", c.MinCalls, fmt.Sprintf("at most WindowCalls, %d", c.WindowCalls))
	}
	if c.FailureRate > 0 && !windowed {
		faults.Add("FailureRate", c.FailureRate, "needs Window or WindowCalls")
	}
	if c.SlowRate > 0 && !windowed {
		faults.Add("SlowRate", c.SlowRate, "needs Window or WindowCalls")
	}
	if c.MinCalls > 0 && c.FailureRate == 0 && c.SlowRate == 0 {
		faults.Add("MinCalls", c.MinCalls, "needs FailureRate or SlowRate: FailureThreshold does not wait for it")
	}
	if c.SlowRate > 0 && c.SlowCall == 0 {
		faults.Add("SlowCall", c.SlowCall, "more than 0 with SlowRate")
	}
	if c.SlowCall > 0 && c.SlowRate == 0 {
		faults.Add("SlowRate", c.SlowRate, "more than 0 with SlowCall")
	}
}

// validateProbes adds the faults of fields about half-open.
func (c Config) validateProbes(faults *fault.List) {
	if c.ProbeCalls > 0 && c.SuccessThreshold > 0 {
		faults.Add("SuccessThreshold", c.SuccessThreshold, "0 with ProbeCalls: half-open is judged by the one or the other")
	}
	for _, f := range []struct {
		field string
		value int
	}{
		{"SuccessThreshold", c.SuccessThreshold}, {"ProbeCalls", c.ProbeCalls},
	} {
		if f.value > maxProbeCalls {
			faults.Add(f.field, f.value, fmt.Sprintf("at most %d", maxProbeCalls))
		}
	}
	if c.ProbeFailureRate > 0 && c.ProbeCalls == 0 {
		faults.Add("ProbeFailureRate", c.ProbeFailureRate, "needs ProbeCalls")
	}
}
