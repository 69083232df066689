package bench

// Scenario is one piece of work that libraries are compared at. Its name is
// that of its benchmark, without "Benchmark".
type Scenario struct {
	Name  string
	Title string
	// Missing says which libraries are not measured, and why.
	Missing string
	// Notes says, by library, what a contender does less, or otherwise, than the
	// scenario asks for.
	Notes map[string]string
}

// What a library's call lacks, whatever the scenario.
const (
	noContext = "the function gets no context"
	noResult  = "the function has no result"
	neither   = "the function gets no context and has no result"
	boundOnce = "the caller's context is not passed with each call"
)

// Scenarios lists what is measured, in the order of the results.
var Scenarios = []Scenario{
	{
		Name: "RetryFirst", Title: "Retry, the first try succeeds",
		Notes: map[string]string{
			"failsafe":  boundOnce + "; " + noContext,
			"avast":     noContext + "; " + "the context is read once a call, and fixed when the retrier is made",
			"backoff":   noContext + "; " + "the context is not read before the first attempt",
			"eapache":   "no result; the context is not read before the first attempt",
			"sethvargo": "a backoff of its own for each call, since it counts; the callee marks what is retryable",
		},
	},
	{
		Name: "RetryThird", Title: "Retry, the third try succeeds, no delay",
		Notes: map[string]string{
			"failsafe":  boundOnce + "; " + noContext,
			"avast":     noContext + "; the context is fixed when the retrier is made",
			"backoff":   noContext,
			"eapache":   noResult,
			"sethvargo": "a backoff of its own for each call, since it counts; the callee marks what is retryable",
		},
	},
	{
		Name: "ClosedRow", Title: "Closed circuit that counts failures in a row",
		Missing: "go-zero, which does not count in a row",
		Notes:   closedNotes,
	},
	{
		Name: "ClosedWindow", Title: "Closed circuit with a failure rate over a time window",
		Missing: "eapache, which has no window",
		Notes:   windowNotes,
	},
	{
		Name: "ClosedCalls", Title: "Closed circuit with a failure rate over the last 100 calls",
		Missing: "gobreaker, cep21, eapache and go-zero, which cannot count the last so many calls",
		Notes:   map[string]string{"failsafe": boundOnce + "; " + noContext},
	},
	{
		Name: "FailingRow", Title: "Failing calls on a closed circuit that counts in a row",
		Missing: "go-zero, which does not count in a row",
		Notes:   closedNotes,
	},
	{
		Name: "FailingWindow", Title: "Calls of which 3 in 4 fail on a closed circuit with a rate of 99 %",
		Missing: "go-zero, which would drop some of the calls; eapache, which has no window",
		Notes:   windowNotes,
	},
	{
		Name: "Rejecting", Title: "Open circuit that rejects",
		Missing: "go-zero, which has no open state: it drops a share of the calls",
		Notes: map[string]string{
			"gobreaker": "the error does not say when to come back",
			"failsafe":  boundOnce + "; the error does not say when to come back",
			"cep21":     "the error does not say when to come back",
			"eapache":   "reads no context and no clock: a goroutine sleeps for as long as the circuit is open; the error does not say when to come back",
		},
	},
	{
		Name: "HalfOpen", Title: "Half-open churn: a failure opens, the next call probes and closes",
		Missing: "cep21 and eapache, whose circuits become half-open by a timer, some time after; go-zero, which has no such state",
		Notes: map[string]string{
			"gobreaker": noContext,
			"failsafe":  boundOnce + "; " + noContext,
		},
	},
	{
		Name: "TimeoutIgnored", Title: "Timeout, the callee ignores its context",
		Notes: timeoutNotes,
	},
	{
		Name: "TimeoutWaited", Title: "Timeout, the callee selects on Done",
		Notes: timeoutNotes,
	},
	{
		Name: "TimeoutDerived", Title: "Timeout, the callee derives a context",
		Notes: timeoutNotes,
	},
	{
		Name: "Three", Title: "Fallback > retry > breaker",
		Notes: map[string]string{
			"failsafe":        boundOnce + "; " + noContext,
			"avast+gobreaker": "nested by hand; the context is fixed when the retrier is made",
		},
	},
	{
		Name: "Four", Title: "Fallback > retry > breaker > timeout",
		Notes: fourNotes,
	},
	{
		Name: "FourClosure", Title: "The same four, called with a closure that captures a local variable",
		Notes: fourNotes,
	},
	{
		Name: "Observed", Title: "The same four, with an observer that does nothing",
		Notes: map[string]string{
			"ductile":              "not observed",
			"ductile-statechanged": "observed for state changes alone",
			"ductile-finished":     "observed for the end of calls alone",
			"ductile-two":          "observed for the ends of attempts and calls alone",
			"ductile-two-stats":    "these two events counted by observe.Stats",
			"ductile-all":          "observed for all events",
			"ductile-all-stats":    "all events counted by observe.Stats",
			"ductile-routed":       "not observed, behind a policy that is not one of ours",
			"ductile-routed-all":   "observed for all events, behind a policy that is not one of ours",
		},
	},
	{
		Name: "Keyed", Title: "A circuit for each of 1,024 hosts, looked up by name, one call each in turn",
		Notes: map[string]string{
			"syncmap": "our circuits in a sync.Map, which forgets nothing",
			"rwmutex": "our circuits in a map behind a sync.RWMutex, which forgets nothing",
		},
	},
	{
		Name: "CrowdRow", Title: "64 goroutines per core on one circuit that counts in a row",
		Notes: closedNotes,
	},
	{
		Name: "CrowdWindow", Title: "64 goroutines per core on one circuit with a time window",
		Notes: windowNotes,
	},
	{
		Name: "ManyRow", Title: "100,000 circuits that count in a row, one call each in turn",
		Notes: closedNotes,
	},
	{
		Name: "ManyWindow", Title: "100,000 circuits with a time window, one call each in turn",
		Notes: windowNotes,
	},
	{
		Name: "IdleRow", Title: "Making a circuit that counts in a row, and what it holds when idle",
		Notes: map[string]string{"cep21": "with its hystrix closer"},
	},
	{
		Name: "IdleWindow", Title: "Making a circuit with a time window, and what it holds when idle",
		Notes: map[string]string{"go-zero": "40 buckets, not 10", "cep21": "with its hystrix closer"},
	},
	{
		Name: "HTTPFirst", Title: "HTTP GET that succeeds at once, no network",
		Notes: httpNotes,
	},
	{
		Name: "HTTPThird", Title: "HTTP GETs, every third request answered with a 503, no network, no delay",
		Notes: httpNotes,
	},
	{
		Name: "LoopbackFirst", Title: "HTTP GET that succeeds at once, over loopback",
		Notes: httpNotes,
	},
	{
		Name: "LoopbackThird", Title: "HTTP GETs, every third request answered with a 503, over loopback, no delay",
		Notes: httpNotes,
	},
	{
		Name: "Connections", Title: "1,000 HTTP GETs one after the other, every third request answered with a 503, over loopback, no delay",
		Notes: httpNotes,
	},
}

// httpNotes are about whole clients: total timeout > retry > a circuit per host
// > attempt timeout, three attempts.
var httpNotes = map[string]string{
	"bare":           "an http.Client, in a loop by hand",
	"ductile-retry":  "retry alone, in a Pipeline",
	"failsafe":       "one circuit for all hosts; " + leavesOpen,
	"failsafe-retry": "retry alone; " + leavesOpen,
	"retryablehttp":  "retry alone, in its own client; no circuit, no timeouts",
}

const leavesOpen = "a response that is given up is neither read nor closed, and its connection lost"

var closedNotes = map[string]string{
	"gobreaker": noContext,
	"failsafe":  boundOnce + "; " + noContext,
	"cep21":     noResult + "; keeps count of the calls in flight, too",
	"eapache":   neither + "; unbounded calls in half-open; recovers and raises panics anew, without their stack; late results count for whatever state there is",
}

var windowNotes = map[string]string{
	"gobreaker": noContext,
	"failsafe":  boundOnce + "; " + noContext,
	"cep21":     noResult + "; keeps count of the calls in flight, too",
	"go-zero":   noResult + ", no context; a throttle, not a circuit: it drops a share of the calls at random, and has no states",
}

var timeoutNotes = map[string]string{
	"failsafe":        boundOnce,
	"cep21":           noResult + "; a circuit is around it",
	"eapache":         "a goroutine a call; a stop channel, no context; no result",
	"ductile-abandon": "a goroutine a call, so that a callee which never returns is left behind",
}

var fourNotes = map[string]string{
	"failsafe":          boundOnce,
	"avast+gobreaker":   "nested by hand, with context.WithTimeout; the context is fixed when the retrier is made",
	"backoff+gobreaker": "nested by hand, with context.WithTimeout",
}
