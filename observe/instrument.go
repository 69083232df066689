package observe

import "slices"

// instrument is the number of an instrument in the table of instruments.
type instrument uint8

const (
	callDuration instrument = iota
	attemptDuration
	callAttempts
	retryDelay
	rejections
	callActive
	circuitCalls
	circuitState
	circuitTransitions
	queueWait
	queueLength
	permitsUsed
	permitsLimit
	budgetRemaining
	throttleRate
	seriesDropped
	instrumentCount int = iota
)

// Further kinds of table entries, which are no series.
const (
	keyName       = instrument(instrumentCount) + iota // a key that a pipeline tells apart, with its series
	operationName                                      // an operation that a pipeline tells apart
	errorTypeName                                      // an error type that a pipeline tells apart
	circuitName                                        // a circuit, with its series
)

// Kind says how the values of an instrument behave.
type Kind string

// The kinds of instruments.
const (
	KindHistogram     Kind = "histogram"
	KindCounter       Kind = "counter"         // only grows
	KindUpDownCounter Kind = "up_down_counter" // a number of things that come and go; may be summed
	KindGauge         Kind = "gauge"           // may not be summed
)

// Instrument describes one instrument of a [Stats], for packages that export its series to
// another system.
type Instrument struct {
	Name string // the OpenTelemetry name, "ductile.call.duration"
	Kind Kind
	Unit string // in UCUM, as OpenTelemetry has it: "s", "{call}", "1"
	Help string // one sentence without a period
	// Labels are the labels that its series may have, in the order to show them. The label
	// "key" and the overflow label are not among them.
	Labels []string
	Keyed  bool // with Config.MaxKeys, its series may have the label "key"
	// Bounds are the bounds for a histogram with explicit buckets; see [Histogram].Bounds.
	Bounds []float64
}

// The labels of series. In OpenTelemetry, an attribute is the label with the prefix
// "ductile."; error.type has none.
const (
	LabelPipeline    = "pipeline.name"
	LabelPolicy      = "policy.name"
	LabelPolicyType  = "policy.type"
	LabelOutcome     = "outcome"
	LabelRescue      = "rescue"
	LabelErrorType   = "error.type"
	LabelOperation   = "operation"
	LabelAttemptType = "attempt.type"
	LabelSource      = "source"
	LabelReason      = "reason"
	LabelCircuit     = "circuit.name"
	LabelState       = "circuit.state"
	LabelSlow        = "slow"
	LabelFrom        = "from"
	LabelTo          = "to"
	LabelKey         = "key"
	LabelOverflow    = "otel.metric.overflow" // "true", and the only label of an overflow series
)

// Other is the label value that stands for all beyond a limit of [Config].
const Other = "_OTHER"

// seconds are the bounds that OpenTelemetry's conventions recommend for
// http.client.request.duration.
var seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

var attempts = []float64{1, 2, 3, 5, 10}

var instruments = [instrumentCount]Instrument{
	callDuration: {
		"ductile.call.duration", KindHistogram, "s", "Time of calls through a pipeline",
		[]string{LabelPipeline, LabelOutcome, LabelRescue, LabelErrorType, LabelOperation}, true, seconds,
	},
	attemptDuration: {
		"ductile.attempt.duration", KindHistogram, "s", "Time of the attempts that retries made",
		[]string{LabelPipeline, LabelPolicy, LabelAttemptType, LabelOutcome, LabelErrorType}, true, seconds,
	},
	callAttempts: {
		"ductile.call.attempts", KindHistogram, "{attempt}", "Attempts per call",
		[]string{LabelPipeline}, false, attempts,
	},
	retryDelay: {
		"ductile.retry.delay", KindHistogram, "s", "Delays before further attempts",
		[]string{LabelPipeline, LabelPolicy, LabelSource}, true, seconds,
	},
	rejections: {
		"ductile.rejections", KindCounter, "{call}", "Calls that a policy refused",
		[]string{LabelPipeline, LabelPolicy, LabelPolicyType, LabelReason}, true, nil,
	},
	callActive: {
		"ductile.call.active", KindUpDownCounter, "{call}", "Calls in flight",
		[]string{LabelPipeline}, false, nil,
	},
	circuitCalls: {
		"ductile.circuit.calls", KindCounter, "{call}", "Calls that a circuit counted",
		[]string{LabelCircuit, LabelOutcome, LabelSlow}, true, nil,
	},
	circuitState: {
		"ductile.circuit.state", KindUpDownCounter, "1", "1 for the state that a circuit is in, and 0 for the others",
		[]string{LabelCircuit, LabelState}, false, nil,
	},
	circuitTransitions: {
		"ductile.circuit.transitions", KindCounter, "{transition}", "Moves of a circuit from one state to another",
		[]string{LabelCircuit, LabelFrom, LabelTo}, true, nil,
	},
	queueWait: {
		"ductile.queue.wait", KindHistogram, "s", "Time that admitted calls waited in a queue",
		[]string{LabelPolicy, LabelPolicyType}, true, seconds,
	},
	queueLength: {
		"ductile.queue.length", KindUpDownCounter, "{call}", "Calls that wait in a queue",
		[]string{LabelPolicy, LabelPolicyType}, false, nil,
	},
	permitsUsed: {
		"ductile.permits.used", KindUpDownCounter, "{permit}", "Permits in use, such as places of a gate or tokens of a rate limiter",
		[]string{LabelPolicy, LabelPolicyType}, false, nil,
	},
	permitsLimit: {
		"ductile.permits.limit", KindUpDownCounter, "{permit}", "Permits that may be in use",
		[]string{LabelPolicy, LabelPolicyType}, false, nil,
	},
	budgetRemaining: {
		"ductile.budget.remaining", KindGauge, "1", "Share of a retry budget that is left",
		[]string{LabelPolicy}, false, nil,
	},
	throttleRate: {
		"ductile.throttle.rate", KindGauge, "1", "Share of the calls that a throttle rejects",
		[]string{LabelPolicy}, false, nil,
	},
	seriesDropped: {
		"ductile.series.dropped", KindCounter, "{measurement}", "Measurements in overflow series",
		nil, false, nil,
	},
}

// Instruments returns the instruments of every [Stats], in the order of the documentation.
func Instruments() []Instrument {
	all := slices.Clone(instruments[:])
	for i := range all {
		all[i].Labels = slices.Clone(all[i].Labels)
		all[i].Bounds = slices.Clone(all[i].Bounds)
	}
	return all
}

// histogram reports whether the instrument's series are histograms.
func (i instrument) histogram() bool { return instruments[i].Kind == KindHistogram }

// ofPipeline reports whether the instrument's series have the label pipeline.name.
func (i instrument) ofPipeline() bool {
	switch i {
	case callDuration, attemptDuration, callAttempts, retryDelay, rejections, callActive:
		return true
	}
	return false
}
