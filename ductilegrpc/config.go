package ductilegrpc

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Defaults of [Config].
const (
	// DefaultAttemptTimeout applies to unary calls, unless a third of TotalTimeout is less.
	DefaultAttemptTimeout = pipeline.DefaultAttemptTimeout
	// DefaultTotalTimeout applies to unary calls.
	DefaultTotalTimeout = pipeline.DefaultTotalTimeout
	DefaultMaxReplay    = 1 << 20
	// DefaultName is the name of the pipelines if neither Name nor Circuit gives one.
	DefaultName = "grpc"
)

// NoReplay as MaxReplay keeps no request of a stream.
const NoReplay = -1

// Config configures the interceptors of a client. The zero Config retries like the zero
// retry.Config, gives each target a default circuit, and allows a unary call 10 s for each
// attempt and 30 s in total. Streams have no limit unless one is set.
//
// What an error means depends on its status code:
//
//	code                                      repeated             circuit
//	Unavailable                               yes                  Failure
//	ResourceExhausted                         if the server asks   Failure; Ignored with QuotaFailure
//	DeadlineExceeded, Internal,
//	Unknown, DataLoss                         idempotent methods   Failure
//	Aborted                                   idempotent methods   Success
//	Canceled                                  no                   Ignored
//	all others                                no                   Success
//
// A server asks for another attempt with the trailer grpc-retry-pushback-ms, which sets the
// exact wait, or with a RetryInfo among the details of its status, which sets the least
// wait. A pushback that is negative, not a number, or there twice ends the call, whatever
// the code. A wait beyond Retry.MaxRetryAfter ends it too.
//
// A fault of the request itself ends the call and is Ignored by circuits: a message beyond
// the limits of its size, one that cannot be marshaled, invalid metadata, and credentials
// that fail before anything is sent. A server whose certificate is refused ends the call
// and is a Failure.
type Config struct {
	// Name is the Pipeline of events. If empty, it is the name of Circuit, or "grpc". A
	// Pipeline with a name keeps it.
	Name string
	// Retry configures when and how often to retry. RetryIf is asked only about errors that
	// the table allows to repeat. Its Clock is the clock of all policies and timeouts.
	Retry retry.Config
	// Circuit, if set, is shared by all targets and methods.
	Circuit *breaker.Circuit
	// Circuits has a circuit for each key that By returns. If Circuits and Circuit are nil,
	// each key has a default circuit, and keys beyond [keyed.DefaultMax] that find none idle
	// share one that refuses no call.
	Circuits *keyed.Map[string, *breaker.Circuit]
	// By returns the key of a call in Circuits. If nil, that is the target, as it was given
	// to grpc.NewClient. By must be safe for concurrent use.
	By func(target, method string) string
	// Hedge starts extra attempts beside slow ones, for unary calls of idempotent methods.
	// If nil, calls are not hedged.
	Hedge *hedge.Config
	// Throttle sheds attempts while servers refuse many of them. It may be nil.
	Throttle *throttle.Throttle
	// Limiter takes a token for each attempt. It may be nil.
	Limiter *ratelimit.Limiter
	// Gate has a place for each attempt. That of a stream is held until the stream has
	// ended. It may be nil.
	Gate *bulkhead.Gate
	// AttemptTimeout bounds each attempt; of a stream with one request, the time to its
	// first message; of other streams, the time to open them. 0 means 10 s for unary calls,
	// or a third of TotalTimeout if that is less, and no limit for streams. Negative means
	// no limit.
	AttemptTimeout time.Duration
	// TotalTimeout bounds a call with all attempts and delays; of a stream, as
	// AttemptTimeout. 0 means 30 s for unary calls, and no limit for streams. Negative means
	// no limit.
	TotalTimeout time.Duration
	// IdleTimeout bounds the wait for each further message of a stream, while RecvMsg waits
	// for it. A stream that is idle for longer ends with a *policy.TimeoutError. 0 means no
	// limit.
	IdleTimeout time.Duration

	// Pipeline replaces Retry, Circuit, Circuits, AttemptTimeout and TotalTimeout, and
	// Hedge, Throttle, Limiter and Gate. It sees each attempt's error with the marks of
	// retry.Permanent, retry.After, retry.Exactly and breaker.Judge that the table says, so
	// plain policies treat it correctly. Breakers and bulkheads directly in it hold their
	// permits until a stream has ended; inside of other policies, use [Breaker] and
	// [Bulkhead]. Caches and coalescing directly in it apply to unary calls alone, because a
	// stream has one reader. A hedge in it applies to every method.
	Pipeline *pipeline.Pipeline[*Reply]

	// Idempotent reports whether a method, "/package.Service/Method", may be repeated
	// although it may have run. If nil, that is what its .proto declares by
	// idempotency_level. It must be safe for concurrent use.
	Idempotent func(fullMethod string) bool
	// Classify says what an error means for circuits, before the table does; Undecided
	// leaves it to the table. It must be safe for concurrent use. It may run on a goroutine
	// of gRPC's: if it panics at the end of a stream, RecvMsg panics.
	Classify func(error) policy.Outcome
	// Observer is called with the events of all calls. If nil, no events are emitted. If it
	// panics at the end of a stream, RecvMsg panics.
	Observer policy.Observer
	// AttemptHeader names metadata that carries the attempt's number, from the second
	// attempt on; for example "x-retry-attempt". Empty means none.
	AttemptHeader string
	// MaxReplay is the size of the largest request of a stream that is kept to be sent
	// again, in bytes. 0 means 1 MiB, NoReplay none.
	MaxReplay int
}

// Validate returns nil if [UnaryClient], [StreamClient] and [DialOptions] accept c, and
// otherwise all faults, joined. Each fault names its field.
func (c Config) Validate() error {
	faults := fault.Of("ductilegrpc: Config")
	if c.AttemptHeader != "" && !isKey(c.AttemptHeader) {
		faults.Add("AttemptHeader", fmt.Sprintf("%q", c.AttemptHeader), "a metadata key: letters, digits, and - _ . without the prefix grpc- and the suffix -bin")
	}
	faults.NotNegative("IdleTimeout", c.IdleTimeout)
	if c.MaxReplay < NoReplay {
		faults.Add("MaxReplay", c.MaxReplay, "NoReplay (-1), or 0 or more")
	}
	if c.Pipeline != nil {
		c.refuseBesidePipeline(faults)
		return faults.Err()
	}
	if c.Circuit != nil {
		refuse(faults, "Circuits", c.Circuits, "Circuit")
		refuse(faults, "By", c.By, "Circuit")
	}
	faults.In("", c.standard().Validate())
	return faults.Err()
}

// refuseBesidePipeline finds fields that a Pipeline would make ineffective.
func (c Config) refuseBesidePipeline(faults *fault.List) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Retry", c.Retry}, {"Circuit", c.Circuit}, {"Circuits", c.Circuits}, {"By", c.By}, {"Hedge", c.Hedge},
		{"Throttle", c.Throttle}, {"Limiter", c.Limiter}, {"Gate", c.Gate},
		{"AttemptTimeout", c.AttemptTimeout}, {"TotalTimeout", c.TotalTimeout},
	} {
		refuse(faults, f.field, f.value, "Pipeline")
	}
}

// refuse adds a fault if a field is set that has no effect beside another. A duration is
// shown.
func refuse(faults *fault.List, field string, value any, beside string) {
	if reflect.ValueOf(value).IsZero() {
		return
	}
	if _, short := value.(time.Duration); !short {
		value = "set"
	}
	faults.Add(field, value, "zero beside "+beside)
}

// isKey reports whether s may be the key of metadata of ours.
func isKey(s string) bool {
	s = strings.ToLower(s)
	if strings.HasPrefix(s, "grpc-") || strings.HasSuffix(s, "-bin") {
		return false
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return true
}

// standard returns the config of the policies around a unary call, but for the circuits.
func (c Config) standard() pipeline.StandardConfig {
	return pipeline.StandardConfig{
		Name: c.Name, TotalTimeout: c.TotalTimeout, Retry: c.Retry, Hedge: c.Hedge, Circuit: c.Circuit,
		Throttle: c.Throttle, Limiter: c.Limiter, AttemptTimeout: c.AttemptTimeout, Gate: c.Gate, Clock: c.Retry.Clock,
	}
}

func (c Config) withDefaults() Config {
	if c.Name == "" && c.Circuit != nil {
		c.Name = c.Circuit.Name()
	}
	c.Name = cmp.Or(c.Name, DefaultName)
	c.MaxReplay = cmp.Or(c.MaxReplay, DefaultMaxReplay)
	if c.By == nil {
		c.By = func(target, _ string) string { return target }
	}
	if c.Circuits == nil && c.Circuit == nil && c.Pipeline == nil {
		c.Circuits = defaultCircuits(c.Retry.Clock)
	}
	return c
}

// defaultCircuits returns a map of default circuits. Keys for which there is no room share
// a circuit that refuses no call.
func defaultCircuits(clock policy.Clock) *keyed.Map[string, *breaker.Circuit] {
	return keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(key string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: key, Clock: clock})
		},
		Overflow: func() *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: "overflow", Shadow: true, Clock: clock})
		},
		Clock: clock,
	})
}
