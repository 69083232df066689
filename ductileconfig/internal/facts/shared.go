package facts

import (
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

var circuit = map[string]table.Fact{
	"breaker.Config.FailureThreshold":   {Doc: "Failures that open the circuit, in a row or in the window; with failure_rate none by default", Default: "5"},
	"breaker.Config.FailureRate":        {Doc: "The share of failed calls in the window that opens the circuit", Rate: true, Words: offRate},
	"breaker.Config.SlowCall":           {Doc: "A call that takes at least so long is slow; needs slow_rate", Words: offDuration},
	"breaker.Config.SlowRate":           {Doc: "The share of slow calls in the window that opens the circuit; needs slow_call", Rate: true, Words: offRate},
	"breaker.Config.Window":             {Doc: "The length of a rolling time window", Words: offDuration},
	"breaker.Config.WindowCalls":        {Doc: "The length of a window of calls, instead of window", Words: offInt},
	"breaker.Config.MinCalls":           {Doc: "Calls that a window must hold before its rates are checked", Default: "20"},
	"breaker.Config.RecoveryTimeout":    {Doc: "How long the circuit stays open before it admits probes", Default: "30s", Words: word("none", breaker.NoWait)},
	"breaker.Config.MaxRecoveryTimeout": {Doc: "The bound of a recovery_timeout that doubles at each reopening; without it, it does not double", Words: offDuration},
	"breaker.Config.RecoveryJitter":     {Doc: "Lengthens recovery_timeout by a random share of up to this", Rate: true, Words: offRate},
	"breaker.Config.HalfOpenMaxCalls":   {Doc: "Probes in flight at a time", Default: "3"},
	"breaker.Config.SuccessThreshold":   {Doc: "Successful probes that close the circuit; not with probe_calls", Default: "1"},
	"breaker.Config.ProbeCalls":         {Doc: "Half-open is judged by the share of failures among so many probes", Words: offInt},
	"breaker.Config.ProbeFailureRate":   {Doc: "The share of probe_calls that reopens the circuit", Rate: true, Default: "50%"},
	"breaker.Config.Shadow":             {Doc: "Counts and reports, but refuses no call"},
	"registry.CircuitSpec.ClassifyBy":   {Doc: classify},
}

var budget = map[string]table.Fact{
	"retry.BudgetConfig.Ratio":        {Doc: "Retries per call", Rate: true, Max: 1000, Default: "10%"},
	"retry.BudgetConfig.MinPerSecond": {Doc: "Retries per second granted in addition", Default: "10", Words: word("none", retry.NoMinimum)},
	"retry.BudgetConfig.Window":       {Doc: "The period in which calls and retries are counted", Default: "10s"},
}

var bulkheads = map[string]table.Fact{
	"bulkhead.Config.Limit":    {Doc: "Calls that may run at a time; required"},
	"bulkhead.Config.MaxQueue": {Doc: "Calls that may wait for a place", Words: offInt},
	"bulkhead.Config.MaxWait":  {Doc: "How long a call may wait; without it, until its context ends", Words: offDuration},
	"bulkhead.Config.Order":    {Doc: "Which waiting call is served next", Enum: orders},
	"bulkhead.Config.Delay":    {Doc: "Bounds waits depending on how long the queue has not been empty"},
	"bulkhead.CoDel.Target":    {Doc: "How long a call may wait at an overloaded gate, such as 5ms"},
	"bulkhead.CoDel.Interval":  {Doc: "How long any other call may wait, such as 100ms; a gate whose queue was not empty for so long is overloaded"},
}

var adaptives = map[string]table.Fact{
	"adaptive.Config.Initial":               {Doc: "The limit at first", Default: "20"},
	"adaptive.Config.Min":                   {Doc: "The lowest limit", Default: "1"},
	"adaptive.Config.Max":                   {Doc: "The highest limit", Default: "1000"},
	"adaptive.Config.Target":                {Doc: "The latency to aim at; without it, the limiter climbs", Words: offDuration},
	"adaptive.Config.Quantile":              {Doc: "The share of latencies that must be at most target", Rate: true, Default: "90%"},
	"adaptive.Config.Window":                {Doc: "The least duration of a window", Default: "100ms"},
	"adaptive.Config.MinCalls":              {Doc: "The least number of latencies in a window", Default: "100"},
	"adaptive.Config.MaxQueue":              {Doc: "Calls that may wait for a place", Words: offInt},
	"adaptive.Config.MaxWait":               {Doc: "How long a call may wait; without it, until its context ends", Words: offDuration},
	"adaptive.Config.Order":                 {Doc: "Which waiting call is served next", Enum: orders},
	"adaptive.Config.Delay":                 {Doc: "Bounds waits depending on how long the queue has not been empty"},
	"registry.AdaptiveLimitSpec.ClassifyBy": {Doc: classify},
}

var rateLimits = map[string]table.Fact{
	"ratelimit.Config.Limit":   {Doc: "Calls allowed in the period per; required"},
	"ratelimit.Config.Per":     {Doc: "The period of limit", Default: "1s"},
	"ratelimit.Config.Burst":   {Doc: "Calls that may run at once after an idle time", Default: "the calls of 100 ms", Words: word("none", ratelimit.NoBurst)},
	"ratelimit.Config.MaxWait": {Doc: "How long a call may wait; unlimited means until its context ends", Words: map[string]any{"none": time.Duration(0), "unlimited": time.Duration(-1)}},
}

var throttles = map[string]table.Fact{
	"throttle.Config.K":                {Doc: "Requests sent for each one that is accepted", Default: "2"},
	"throttle.Config.Window":           {Doc: "The length of the rolling window", Default: "2m"},
	"throttle.Config.MinCalls":         {Doc: "Requests that the window must hold before a call is rejected", Default: "10"},
	"throttle.Config.MaxReject":        {Doc: "The bound of the rate of rejections; less than 1", Rate: true, Default: "99%"},
	"registry.ThrottleSpec.ClassifyBy": {Doc: classify},
}
