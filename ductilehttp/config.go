package ductilehttp

import (
	"cmp"
	"net/http"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [Config], [ClientConfig] and [HandlerConfig].
const (
	// DefaultAttemptTimeout applies unless a third of TotalTimeout is less.
	DefaultAttemptTimeout  = pipeline.DefaultAttemptTimeout
	DefaultTotalTimeout    = pipeline.DefaultTotalTimeout
	DefaultReadIdle        = 30 * time.Second
	DefaultWriteIdle       = 30 * time.Second
	DefaultMaxBufferedBody = 1 << 20

	DefaultClientAttempts = retry.DefaultMaxAttempts
	DefaultMaxResponse    = 10 << 20

	DefaultMaxTimeout = 30 * time.Second
	// DefaultTimeoutHeader is the usual name of the header that carries the time which a
	// request has left, in whole milliseconds.
	DefaultTimeoutHeader = "X-Request-Timeout-Ms"
)

const (
	// NoReadIdle as ReadIdle lets a Read of a response's body block for as long as it likes.
	NoReadIdle time.Duration = -1
	// NoWriteIdle as WriteIdle lets an upload stop for as long as it likes.
	NoWriteIdle time.Duration = -1
	// NoBufferedBody as MaxBufferedBody keeps nothing of a request's body.
	NoBufferedBody = -1
)

// Config configures a [Transport]. The zero Config retries as the zero retry.Config
// does, gives each host a default circuit, each attempt 10 s up to the header of its
// response, and all attempts together 30 s.
type Config struct {
	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper

	// Retry says how often and when to try again. Its RetryIf, if set, is asked too, of
	// a status by a *[StatusError]. Its Clock, if nil, is Clock. Default delays that do
	// not fit in TotalTimeout are shortened.
	Retry retry.Config
	// Circuit, if set, is shared by all hosts.
	Circuit *breaker.Circuit
	// Circuits is what the circuits of hosts are made from, each with its host as its
	// Name. Its Classify sees a *[StatusError] for 5xx and 429, nil for every other
	// status, and the errors of the base. It is not asked about the request's own
	// faults, 501, and connections that died while they were idle: these are Ignored. Its
	// Clock, if nil, is Clock.
	Circuits breaker.Config
	// NoCircuit sends requests without a circuit.
	NoCircuit bool
	// Hedge makes extra attempts beside slow ones, of requests that may be repeated and
	// whose body, if there is one, can be got again by GetBody. Its Clock, if nil, is
	// Clock. Nil means no hedge.
	Hedge *hedge.Config
	// Limiter, if set, is shared by all hosts. Each attempt takes its token after the
	// circuit has let it through. A 429 with a hint pauses it, for at most
	// Retry.MaxRetryAfter.
	Limiter *ratelimit.Limiter
	// Limiters is what the limiters of hosts are made from, each with its host as its
	// Name. Its Clock, if nil, is Clock. A zero Limit means none.
	Limiters ratelimit.Config
	// Gate, if set, is shared by all hosts. Each attempt has a place in it, which is held
	// until the body of its response has ended. The wait for a place counts toward
	// AttemptTimeout.
	Gate *bulkhead.Gate
	// Gates is what the gates of hosts are made from, each with its host as its Name. Its
	// Clock, if nil, is Clock. A zero Limit means none.
	Gates bulkhead.Config
	// AttemptTimeout bounds each attempt up to the header of its response. 0 means 10 s,
	// or a third of TotalTimeout if that is less; negative means no limit.
	AttemptTimeout time.Duration
	// TotalTimeout bounds the call, all attempts and delays, up to the header of the
	// final response. 0 means 30 s, negative no limit.
	TotalTimeout time.Duration
	// ReadIdle is the longest that one Read of a response's body may block. A body that
	// stalls for longer ends with a *policy.TimeoutError, and counts as a Failure. 0 means
	// 30 s, NoReadIdle no limit. There is none for text/event-stream and after 101
	// Switching Protocols.
	ReadIdle time.Duration
	// WriteIdle is the longest that an upload may make no progress because the server
	// accepts nothing. 0 means 30 s, NoWriteIdle no limit. Bodies in memory of at most 64
	// KiB are not watched: they fit in the buffers on the way.
	WriteIdle time.Duration

	// Pipeline replaces Retry, the timeouts, Hedge, and what there is for each host:
	// circuits, limiters and gates. It sees the same
	// results as the policies that it replaces: beside a bad response a *[StatusError], with
	// the marks of retry.Permanent, retry.After and breaker.Judge, so plain policies
	// do the right thing. [Retry], [Hedge], [Breaker], [RateLimit], [Bulkhead] and
	// [HoldBody] make policies that also know about bodies.
	Pipeline *pipeline.Pipeline[*http.Response]

	// RetryRequest reports whether a request may be repeated. Nil means
	// [RetryableRequest]. A request of which nothing was sent may be repeated, whatever
	// it reports.
	RetryRequest func(*http.Request) bool
	// RetryResponse reports whether an outcome is worth another attempt. Nil means
	// [RetryableResponse]. It must not touch the response's body.
	RetryResponse func(*http.Response, error) bool
	// Hint returns how long a bad response asks to wait. Nil means [Hint].
	Hint func(*http.Response) (time.Duration, bool)
	// ClampRetryAfter makes a hint that is longer than Retry.MaxRetryAfter count as
	// MaxRetryAfter. Otherwise such a hint ends the call with the response.
	ClampRetryAfter bool
	// Prepare, if set, is called with the request of each attempt before it is sent, and
	// the attempt's number, 1 on the first. The request is the attempt's own: Prepare may
	// set headers, sign it, or change its URL and Host, but not its body. An error ends
	// the attempt with nothing sent, and circuits ignore it; whether there is another
	// attempt is RetryResponse's decision. The circuit remains that of the caller's URL.
	Prepare func(r *http.Request, attempt int) error

	// MaxBufferedBody is how many bytes of a request's body are kept to be sent again, if
	// the request has no GetBody and its body is neither an *os.File nor an io.Seeker.
	// A longer body is sent once. 0 means 1 MiB, NoBufferedBody none.
	MaxBufferedBody int64

	// AttemptHeader is the name of a header that carries the attempt's number, 1 on the
	// first; "X-Retry-Attempt", say. Empty means none.
	AttemptHeader string
	// TimeoutHeader is the name of the header that carries the time which the attempt has
	// left, in milliseconds, for a [Handler] to obey; [DefaultTimeoutHeader], say. Empty
	// means none.
	TimeoutHeader string

	// Observer is called with the events of all calls, to all hosts. Event.Pipeline is the
	// circuit's name, which is the host if it has a circuit of its own. A Pipeline keeps
	// its name, and its own observers, which are called first.
	Observer policy.Observer
	// Clock measures all times. Nil means Retry.Clock, or real time.
	Clock policy.Clock
}

// Validate returns nil for a config that [NewTransport] accepts, or all its faults, each
// naming its field.
func (c Config) Validate() error {
	faults := faultsOf("Config")
	faults.refuseTypedNil("Base", c.Base)
	faults.header("AttemptHeader", c.AttemptHeader)
	faults.header("TimeoutHeader", c.TimeoutHeader)
	faults.atLeast("ReadIdle", c.ReadIdle, "NoReadIdle")
	faults.atLeast("WriteIdle", c.WriteIdle, "NoWriteIdle")
	if c.MaxBufferedBody < NoBufferedBody {
		faults.Add("MaxBufferedBody", c.MaxBufferedBody, "NoBufferedBody (-1), or 0 or more")
	}
	if c.Pipeline != nil {
		c.refuseBesidePipeline(&faults)
		return faults.Err()
	}
	c.judgeCircuits(&faults)
	c.judgeLimits(&faults)
	faults.In("", c.standard("").Validate())
	return faults.Err()
}

func (c Config) judgeCircuits(faults *faults) {
	if c.Circuit != nil {
		faults.refuse("Circuits", c.Circuits, "Circuit")
		faults.refuse("NoCircuit", c.NoCircuit, "Circuit")
	} else if c.NoCircuit {
		faults.refuse("Circuits", c.Circuits, "NoCircuit")
	}
	faults.In("Circuits", c.Circuits.Validate())
}

// judgeLimits looks at what StandardConfig does not see: the configs of hosts.
func (c Config) judgeLimits(faults *faults) {
	if c.Limiter != nil {
		faults.refuse("Limiters", c.Limiters, "Limiter")
	} else if c.limits() {
		faults.In("Limiters", c.Limiters.Validate())
	}
	if c.Gate != nil {
		faults.refuse("Gates", c.Gates, "Gate")
	} else if c.gates() {
		faults.In("Gates", c.Gates.Validate())
	}
}

// limits reports whether each host has a limiter. A config with another field than the
// Limit has lost its Limit.
func (c Config) limits() bool { return !reflect.ValueOf(c.Limiters).IsZero() }

// gates reports whether each host has a gate.
func (c Config) gates() bool { return !reflect.ValueOf(c.Gates).IsZero() }

// refuseBesidePipeline finds what would have no effect.
func (c Config) refuseBesidePipeline(faults *faults) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Retry", c.Retry}, {"Circuit", c.Circuit}, {"Circuits", c.Circuits}, {"NoCircuit", c.NoCircuit},
		{"AttemptTimeout", c.AttemptTimeout}, {"TotalTimeout", c.TotalTimeout}, {"Hedge", c.Hedge},
		{"Limiter", c.Limiter}, {"Limiters", c.Limiters}, {"Gate", c.Gate}, {"Gates", c.Gates},
	} {
		faults.refuse(f.field, f.value, "Pipeline")
	}
}

// standard returns the config of the policies around an exchange.
func (c Config) standard(name string) pipeline.StandardConfig {
	return pipeline.StandardConfig{
		Name: name, TotalTimeout: c.TotalTimeout, Retry: c.Retry, Hedge: c.Hedge, Circuit: c.Circuit, Limiter: c.Limiter,
		AttemptTimeout: c.AttemptTimeout, Gate: c.Gate, Clock: c.Clock,
	}
}

func (c Config) withDefaults() Config {
	if c.Hedge != nil {
		own := *c.Hedge // read again for each new host
		c.Hedge = &own
	}
	if c.Clock == nil {
		c.Clock = c.Retry.Clock
	} else if c.Circuits.Clock == nil && c.Pipeline == nil && c.Circuit == nil && !c.NoCircuit {
		c.Circuits.Clock = c.Clock
	}
	if c.Retry.Clock == nil && c.Pipeline == nil {
		c.Retry.Clock = c.Clock
	}
	if c.Limiters.Clock == nil && c.limits() {
		c.Limiters.Clock = c.Clock
	}
	if c.Gates.Clock == nil && c.gates() {
		c.Gates.Clock = c.Clock
	}
	c.ReadIdle = cmp.Or(c.ReadIdle, DefaultReadIdle)
	c.WriteIdle = cmp.Or(c.WriteIdle, DefaultWriteIdle)
	c.MaxBufferedBody = max(0, cmp.Or(c.MaxBufferedBody, DefaultMaxBufferedBody))
	if c.Base == nil {
		c.Base = http.DefaultTransport
	}
	if c.RetryRequest == nil {
		c.RetryRequest = RetryableRequest
	}
	if c.RetryResponse == nil {
		c.RetryResponse = RetryableResponse
	}
	return c
}

// hint returns the wait that resp asks for, as far as the Transport follows it.
func (c *Config) hint(resp *http.Response) time.Duration {
	var d time.Duration
	if c.Hint != nil {
		d, _ = c.Hint(resp)
	} else {
		d, _ = hintAt(resp.Header, policy.Now(c.Clock))
	}
	if c.ClampRetryAfter {
		d = min(d, cmp.Or(c.Retry.MaxRetryAfter, retry.DefaultMaxRetryAfter))
	}
	return max(0, d)
}
