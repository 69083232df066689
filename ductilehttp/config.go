package ductilehttp

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	values "github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
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
	// DefaultTimeoutHeader is the usual name of the header that carries the remaining time
	// of a request, in whole milliseconds.
	DefaultTimeoutHeader = "X-Request-Timeout-Ms"
)

const (
	// NoReadIdle as ReadIdle lets a Read of a response body block without limit.
	NoReadIdle time.Duration = -1
	// NoWriteIdle as WriteIdle lets an upload stall without limit.
	NoWriteIdle time.Duration = -1
	// NoBufferedBody as MaxBufferedBody keeps no part of a request body.
	NoBufferedBody = -1
)

// Config configures a [Transport]. The zero Config retries like the zero retry.Config,
// gives each host a default circuit, allows each attempt 10 s up to the header of its
// response, and allows all attempts together 30 s.
type Config struct {
	// Base sends the requests. If nil, http.DefaultTransport is used.
	Base http.RoundTripper

	// Retry configures when and how often to retry. If RetryIf is set, it is also called
	// with a *[StatusError] for a bad status. If its Clock is nil, Clock is used. Default
	// delays that do not fit in TotalTimeout are shortened.
	Retry retry.Config
	// Circuit, if set, is shared by all hosts.
	Circuit *breaker.Circuit
	// Circuits configures the circuit of each host; its Name is the host. Classify gets a
	// *[StatusError] for 5xx and 429, nil for every other status, and the errors of the
	// base. It is not called for the request's own faults, for 501, and for connections
	// that died while idle: these are Ignored. Nor is it called for another status that
	// RetryResponse accepts, such as 408: that is a Success. If its Clock is nil, Clock is
	// used.
	Circuits breaker.Config
	// NoCircuit sends requests without a circuit.
	NoCircuit bool
	// Hedge starts extra attempts beside slow ones. It applies to requests that may be
	// repeated and that have no body or a GetBody. If its Clock is nil, Clock is used. If
	// Hedge is nil, requests are not hedged.
	Hedge *hedge.Config
	// Throttle, if set, is shared by all hosts. It sheds attempts while servers refuse many
	// of them. It counts what the circuit counts: a 5xx and a 429 as failures, any other
	// status as a success, and not a connection that died while idle.
	Throttle *throttle.Throttle
	// Throttles configures the throttle of each host; its Name is the host. If its Clock is
	// nil, Clock is used. If Throttles is nil, hosts have none.
	Throttles *throttle.Config
	// Limiter, if set, is shared by all hosts. Each attempt takes a token after the circuit
	// has admitted it. A 429 with a Retry-After hint pauses the Limiter for at most
	// Retry.MaxRetryAfter.
	Limiter *ratelimit.Limiter
	// Limiters configures the limiter of each host; its Name is the host. If its Clock is
	// nil, Clock is used. A zero Limit means no limiter.
	Limiters ratelimit.Config
	// Gate, if set, is shared by all hosts. Each attempt holds a place in it until the body
	// of its response has ended. The wait for a place counts toward AttemptTimeout.
	Gate *bulkhead.Gate
	// Gates configures the gate of each host; its Name is the host. If its Clock is nil,
	// Clock is used. A zero Limit means no gate.
	Gates bulkhead.Config
	// AttemptTimeout bounds each attempt up to the header of its response. 0 means 10 s, or
	// a third of TotalTimeout if that is less. Negative means no limit.
	AttemptTimeout time.Duration
	// TotalTimeout bounds the call, with all attempts and delays, up to the header of the
	// final response. 0 means 30 s. Negative means no limit.
	TotalTimeout time.Duration
	// ReadIdle bounds one Read of a response body. A body that stalls for longer ends with
	// a *policy.TimeoutError and counts as a Failure. 0 means 30 s, NoReadIdle means no
	// limit. It does not apply to text/event-stream and after 101 Switching Protocols.
	ReadIdle time.Duration
	// WriteIdle bounds how long an upload may stall because the server accepts no data. 0
	// means 30 s, NoWriteIdle means no limit. It does not apply to bodies in memory of at
	// most 64 KiB: these fit in the buffers along the way.
	WriteIdle time.Duration

	// Pipeline replaces Retry, the timeouts, Hedge, and the circuits, throttles, limiters and
	// gates of hosts. It sees the same results as the policies that it replaces: a bad response
	// comes with a *[StatusError] that carries the marks of retry.Permanent, retry.After
	// and breaker.Judge, so plain policies treat it correctly. [Retry], [Hedge], [Breaker],
	// [RateLimit], [Bulkhead] and [HoldBody] make policies that also handle bodies.
	Pipeline *pipeline.Pipeline[*http.Response]

	// Chaos, if set, runs innermost, around each request that is sent: inside of a Pipeline
	// and of every other policy, which take what it does for the server's doing. Set it to
	// the result of [ChaosStatus], [ChaosResponse], [ChaosReset], [ChaosLostAnswer] or
	// [ChaosCutBody], to any policy of package chaos, or to a chaos.Mix of several. An injector
	// does nothing until its method On is called, unless its config has Enabled.
	//
	// A Base that wraps another RoundTripper, and reads or records its responses, may have a
	// method
	//
	//	Below(change func(http.RoundTripper) http.RoundTripper) http.RoundTripper
	//
	// that returns a copy around change of the one that it wraps. Responses are then made,
	// lost and cut below it, as on a network.
	Chaos policy.Policy[*http.Response]

	// RetryRequest reports whether a request may be repeated. If nil, [RetryableRequest] is
	// used. A request that was not sent at all may always be repeated.
	RetryRequest func(*http.Request) bool
	// RetryResponse reports whether an outcome is worth another attempt. If nil,
	// [RetryableResponse] is used. It must not touch the response body.
	RetryResponse func(*http.Response, error) bool
	// Hint returns how long a bad response asks the client to wait. If nil, [Hint] is used.
	Hint func(*http.Response) (time.Duration, bool)
	// ClampRetryAfter shortens a hint longer than Retry.MaxRetryAfter to MaxRetryAfter. If
	// false, such a hint ends the call with the response.
	ClampRetryAfter bool
	// Prepare, if set, is called with the request of each attempt before it is sent, and
	// with the attempt's number, starting at 1. The request belongs to the attempt: Prepare
	// may set headers, sign it, or change its URL and Host, but not its body. If Prepare
	// returns an error, the attempt ends with nothing sent, circuits ignore it, and
	// RetryResponse decides whether another attempt follows. The circuit stays the one for
	// the caller's URL.
	Prepare func(r *http.Request, attempt int) error

	// MaxBufferedBody is how many bytes of a request body are kept for another attempt if
	// the request has no GetBody and its body is neither an *os.File nor an io.Seeker. A
	// longer body is sent once. 0 means 1 MiB, NoBufferedBody means none.
	MaxBufferedBody int64

	// AttemptHeader names a header that carries the attempt's number, starting at 1; for
	// example "X-Retry-Attempt". Empty means no header.
	AttemptHeader string
	// TimeoutHeader names a header that carries the attempt's remaining time in
	// milliseconds, for a [Handler] to respect; for example [DefaultTimeoutHeader]. Empty
	// means no header.
	TimeoutHeader string

	// Observer is called with the events of all calls to all hosts. Event.Pipeline is the
	// name of the circuit, which is the host unless Circuit is set. A Pipeline keeps its
	// name and its own observers, which are called first.
	Observer policy.Observer
	// Clock measures all times. If nil, Retry.Clock is used, or real time.
	Clock policy.Clock
}

// Validate returns nil if [NewTransport] accepts c, and otherwise all faults, joined. Each
// fault names its field.
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
	if c.Chaos != nil && values.Nil(c.Chaos) {
		faults.Add("Chaos", fmt.Sprintf("a nil %T", c.Chaos), "one that is not nil, or nothing")
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

// judgeLimits checks the configs of hosts, which StandardConfig does not contain.
func (c Config) judgeLimits(faults *faults) {
	if c.Throttle != nil {
		faults.refuse("Throttles", c.Throttles, "Throttle")
	} else if c.Throttles != nil {
		faults.In("Throttles", c.Throttles.Validate())
	}
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

// limits reports whether each host has a limiter. It compares all fields: a config with
// other fields but no Limit is a mistake for Validate to find.
func (c Config) limits() bool { return !reflect.ValueOf(c.Limiters).IsZero() }

// gates reports whether each host has a gate.
func (c Config) gates() bool { return !reflect.ValueOf(c.Gates).IsZero() }

// refuseBesidePipeline finds fields that a Pipeline would make ineffective.
func (c Config) refuseBesidePipeline(faults *faults) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Retry", c.Retry}, {"Circuit", c.Circuit}, {"Circuits", c.Circuits}, {"NoCircuit", c.NoCircuit},
		{"AttemptTimeout", c.AttemptTimeout}, {"TotalTimeout", c.TotalTimeout}, {"Hedge", c.Hedge},
		{"Throttle", c.Throttle}, {"Throttles", c.Throttles}, {"Limiter", c.Limiter}, {"Limiters", c.Limiters}, {"Gate", c.Gate}, {"Gates", c.Gates},
	} {
		faults.refuse(f.field, f.value, "Pipeline")
	}
}

// standard returns the config of the policies around an exchange.
func (c Config) standard(name string) pipeline.StandardConfig {
	return pipeline.StandardConfig{
		Name: name, TotalTimeout: c.TotalTimeout, Retry: c.Retry, Hedge: c.Hedge, Circuit: c.Circuit,
		Throttle: c.Throttle, Limiter: c.Limiter, AttemptTimeout: c.AttemptTimeout, Gate: c.Gate, Clock: c.Clock,
	}
}

func (c Config) withDefaults() Config {
	if c.Hedge != nil {
		own := *c.Hedge // copied, because it is read again for each new host
		c.Hedge = &own
	}
	if c.Clock == nil {
		c.Clock = c.Retry.Clock
	}
	if c.Circuits.Clock == nil && c.Pipeline == nil && c.Circuit == nil && !c.NoCircuit {
		c.Circuits.Clock = c.Clock
	}
	if c.Retry.Clock == nil && c.Pipeline == nil {
		c.Retry.Clock = c.Clock
	}
	if c.Throttles != nil {
		own := *c.Throttles
		own.Clock = cmp.Or(own.Clock, c.Clock)
		c.Throttles = &own
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

// hint returns the wait that resp asks for, limited as configured.
func (c *Config) hint(resp *http.Response) time.Duration {
	var d time.Duration
	if c.Hint != nil {
		d, _ = c.Hint(resp)
	} else {
		d, _ = hintAt(resp.Header, policy.Now(c.Clock))
	}
	if c.ClampRetryAfter {
		d = min(d, c.Retry.WithDefaults().MaxRetryAfter)
	}
	return max(0, d)
}
