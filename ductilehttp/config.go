package ductilehttp

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [Config].
const (
	// DefaultAttemptTimeout is an attempt's, unless a third of a TotalTimeout that was
	// set is less.
	DefaultAttemptTimeout = 10 * time.Second
	DefaultTotalTimeout   = 30 * time.Second
)

// Config configures a [Transport]. The zero Config retries as the zero
// retry.Config does, gives each host a default circuit, each attempt 10 s and
// the whole 30 s.
type Config struct {
	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper

	// Retry says how often and when to try again. Its RetryIf, if set, is asked
	// too: of a status by a *[StatusError]. Its Clock is that of the timeouts too.
	Retry retry.Config
	// Circuit, if set, is one for every host.
	Circuit *breaker.Circuit
	// Circuits is what the circuits of hosts are made from, each with its host as
	// its Name. Their Classify sees a *[StatusError] for 5xx and 429, nil for every
	// other status, and the errors of the base. Nil counts all of these errors.
	Circuits breaker.Config
	// AttemptTimeout bounds each attempt, its response's body included. 0 means
	// 10 s, or a third of TotalTimeout if that is less; negative none.
	AttemptTimeout time.Duration
	// TotalTimeout bounds the whole, the body included. 0 means 30 s, negative none.
	TotalTimeout time.Duration

	// Observer is told of every call's events, of all hosts: attempts by their
	// *[StatusError] or error, delays, circuits that moved, the end. Their Pipeline
	// is the circuit's name, which is the host where it has a circuit of its own. A
	// Pipeline keeps its name, and its own observers, which are told first. Nil is
	// nobody.
	Observer policy.Observer

	// Pipeline replaces Retry, Circuit, Circuits and the timeouts. It sees a *[StatusError] beside a response
	// that is bad, and [retry.Permanent] errors where nothing is to be repeated, so
	// that a plain retry and breaker in it do the right thing. Give a Timeout in it
	// WithKeep([HoldBody]), or it covers no more than the header.
	Pipeline *pipeline.Pipeline[*http.Response]

	// RetryRequest says whether a request may be repeated. Nil means
	// [RetryableRequest]. One of which nothing was sent may be, whatever it says.
	RetryRequest func(*http.Request) bool
	// RetryResponse says whether an outcome is worth another attempt. Nil means
	// [RetryableResponse]. It must leave the response's body alone.
	RetryResponse func(*http.Response, error) bool

	// AttemptHeader names a header that carries the attempt's number, 1 on the
	// first; such as "X-Retry-Attempt". Empty means none.
	AttemptHeader string
	// TimeoutHeader names a header that carries the time which the attempt has
	// left, in milliseconds, for a [Handler] to keep to; such as [TimeoutHeader].
	// Empty means none.
	TimeoutHeader string
}

// Validate returns nil for a config that [NewTransport] takes, or all that is
// wrong with it, each fault naming its field.
func (c Config) Validate() error {
	faults := faultsOf("Config")
	faults.refuseTypedNil("Base", c.Base)
	for _, h := range []struct{ field, name string }{
		{"AttemptHeader", c.AttemptHeader}, {"TimeoutHeader", c.TimeoutHeader},
	} {
		if h.name != "" && !isToken(h.name) {
			faults.Add(h.field, fmt.Sprintf("%q", h.name), "a header's name")
		}
	}
	if c.Pipeline != nil {
		c.refuseBesidePipeline(&faults)
		return faults.Err()
	}
	retryFault := c.Retry.Validate()
	faults.In("Retry", retryFault)
	faults.In("Circuits", c.Circuits.Validate())
	if c.Circuit != nil && !isZero(c.Circuits) {
		faults.Add("Circuits", "set", "zero beside Circuit")
	}
	attempt, total := c.timeouts()
	if total > 0 && attempt >= total {
		faults.Add("AttemptTimeout", attempt, fmt.Sprintf("less than TotalTimeout, %v", total))
	}
	if retryFault == nil {
		faults.In("", pipeline.StandardConfig{TotalTimeout: total, AttemptTimeout: -1, Retry: c.Retry}.Validate())
	}
	return faults.Err()
}

// refuseBesidePipeline finds what would never act.
func (c Config) refuseBesidePipeline(faults *faults) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Retry", c.Retry}, {"Circuit", c.Circuit}, {"Circuits", c.Circuits},
		{"AttemptTimeout", c.AttemptTimeout}, {"TotalTimeout", c.TotalTimeout},
	} {
		faults.refuse(f.field, f.value, "Pipeline")
	}
}

func (c Config) timeouts() (attempt, total time.Duration) {
	attempt, total = c.AttemptTimeout, cmp.Or(c.TotalTimeout, DefaultTotalTimeout)
	switch {
	case attempt != 0:
		return attempt, total
	case total < 0:
		return DefaultAttemptTimeout, total
	}
	return max(1, min(DefaultAttemptTimeout, total/3)), total
}

func (c Config) withDefaults() Config {
	c.AttemptTimeout, c.TotalTimeout = c.timeouts()
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

// timeout returns a policy of the given limit that covers the body, or none.
func (c Config) timeout(name string, limit time.Duration) []policy.Policy[*http.Response] {
	if limit < 0 {
		return nil
	}
	t := policy.NewTimeout[*http.Response](policy.TimeoutConfig{Name: name, After: limit, Clock: c.Retry.Clock})
	return []policy.Policy[*http.Response]{t.WithKeep(HoldBody)}
}

// faults gathers what is wrong with a config.
// faults are those of a config of this package.
type faults struct{ *fault.List }

func faultsOf(kind string) faults { return faults{fault.Of("ductilehttp: " + kind)} }

// refuse finds a field that would never act beside another. What is in it is shown
// if it is short.
func (f *faults) refuse(field string, value any, beside string) {
	if isZero(value) {
		return
	}
	switch value.(type) {
	case int, time.Duration:
	default:
		value = "set"
	}
	f.Add(field, value, "zero beside "+beside)
}

// refuseTypedNil finds a nil pointer, or function, in an interface that is not nil.
func (f *faults) refuseTypedNil(field string, rt http.RoundTripper) {
	if v := reflect.ValueOf(rt); (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		f.Add(field, fmt.Sprintf("a nil %T", rt), "one that is not nil, or nothing")
	}
}

func isZero(v any) bool { return reflect.ValueOf(v).IsZero() }

// isToken reports whether s is a token of RFC 9110, section 5.6.2, as a header's
// name must be.
func isToken(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		case strings.ContainsRune("!#$%&'*+-.^_`|~", r):
		default:
			return false
		}
	}
	return s != ""
}
