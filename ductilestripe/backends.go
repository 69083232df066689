package ductilestripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Config configures the backends that [NewBackends] creates. The zero Config retries like
// the zero retry.Config, gives each of Stripe's hosts a default circuit, allows each
// attempt 10 s, and allows all attempts together 30 s.
type Config struct {
	// Transport configures the ductilehttp.Transport that sends the requests. If
	// RetryResponse is nil, [RetryResponse] is used. A payment that waits for a bank may
	// need a longer AttemptTimeout.
	//
	// An attempt has succeeded when the first MiB of its response has arrived, so a
	// connection that breaks in the middle of a response leads to another attempt.
	//
	// Circuits count 429, 5xx, broken connections and timeouts as failures, and every other
	// response as a success, including a declined card. A 429 with the code lock_timeout is
	// retried and ignored by circuits: another call for the same object was running. A
	// failure that Stripe has stored for the key is also ignored, and not retried. If
	// MaxBufferedBody is 0, it is 32 MiB, for files.
	Transport ductilehttp.Config

	// Once sends each request once, without policies, for use below a pipeline that runs
	// above the SDK through [Call] or [Pin]. The fields of Transport that configure
	// policies must then be zero, and the rules for a retry have no effect.
	Once bool

	// SDK is the rest of the SDK's own configuration. Its URL, if not nil, must have no
	// path: with a path, the SDK would charge without reading the response. Its HTTPClient
	// must be nil, because Transport replaces it. Its MaxNetworkRetries must be nil or 0,
	// which both mean 0: the SDK sleeps between its retries without watching the context,
	// and does not retry an error in JSON.
	//
	// A nil EnableTelemetry means false: the request latency that it would report to Stripe
	// includes the attempts and delays of the Transport. A nil LeveledLogger means no
	// logging: what the SDK logs as an error is also returned.
	SDK stripe.BackendConfig
}

// NewBackends returns backends for stripe.WithBackends that share one
// ductilehttp.Transport. It panics with the error of Validate if cfg is invalid. The
// backends are safe for concurrent use.
//
// The SDK makes a call's idempotency key before the Transport sees the request, so all
// attempts share it. To be able to repeat a failed call, set your own key: the SDK's key
// cannot be read afterwards.
//
// A call returns the SDK's errors: a *stripe.Error for the last response, even if attempts
// were exhausted. If the connection broke each time, it is a *retry.Error, and if a circuit
// rejected the call, a *breaker.OpenError, both wrapped in a *url.Error.
func NewBackends(cfg Config) *stripe.Backends {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	sdk := cfg.SDK
	sdk.HTTPClient = &http.Client{Transport: ductilehttp.NewTransport(cfg.transport()).With(policy.Check(exonerate))} //nolint:bodyclose // there is no response
	sdk.MaxNetworkRetries = stripe.Int64(0)
	if sdk.EnableTelemetry == nil {
		sdk.EnableTelemetry = stripe.Bool(false)
	}
	if sdk.LeveledLogger == nil {
		sdk.LeveledLogger = &stripe.LeveledLogger{Level: stripe.LevelNull}
	}
	return stripe.NewBackendsWithConfig(&sdk)
}

// transport returns the Transport's config with Stripe's rules.
func (c Config) transport() ductilehttp.Config {
	t := c.Transport
	if t.Base == nil {
		t.Base = http.DefaultTransport
	}
	t.Base = whole{t.Base}
	if t.RetryResponse == nil {
		t.RetryResponse = RetryResponse
	}
	if t.MaxBufferedBody == 0 {
		t.MaxBufferedBody = maxUpload
	}
	if c.Once && t.Pipeline == nil {
		t.Pipeline = pipeline.New[*http.Response]() //nolint:bodyclose // there is no response
	}
	return t
}

// maxUpload is how many bytes of a request are kept to be sent again. The SDK holds the
// request in memory anyway, and files are its longest requests.
const maxUpload = 32 << 20

// Validate returns nil if [NewBackends] accepts c, and otherwise all faults, joined. Each
// fault names its field.
func (c Config) Validate() error {
	var faults []error
	refuse := func(field string, value any, want string) {
		faults = append(faults, fmt.Errorf("ductilestripe: Config.%s is %v, want %s", field, value, want))
	}
	if err := c.transport().Validate(); err != nil {
		faults = append(faults, fmt.Errorf("ductilestripe: Config.Transport: %w", err))
	}
	if v := reflect.ValueOf(c.Transport.Base); v.Kind() == reflect.Pointer && v.IsNil() {
		refuse("Transport.Base", fmt.Sprintf("a nil %T", c.Transport.Base), "one that is not nil, or nothing")
	}
	if c.Once && c.Transport.Pipeline != nil {
		refuse("Transport.Pipeline", "set", "nil beside Once")
	}
	if c.SDK.HTTPClient != nil {
		refuse("SDK.HTTPClient", "set", "nil: Transport.Base sends the requests")
	}
	if n := stripe.Int64Value(c.SDK.MaxNetworkRetries); n != 0 {
		refuse("SDK.MaxNetworkRetries", n, "0: Transport.Retry makes the retries")
	}
	if l := c.SDK.LeveledLogger; !isLogger(l) {
		refuse("SDK.LeveledLogger", fmt.Sprintf("a %T", l), "one of the SDK's two interfaces for loggers")
	}
	if u := c.SDK.URL; u != nil && !isBaseURL(*u) {
		refuse("SDK.URL", fmt.Sprintf("%q", *u), "an absolute http or https URL")
	} else if u != nil && !isBareHost(*u) {
		refuse("SDK.URL", fmt.Sprintf("%q", *u), "one with no path, query or fragment")
	}
	return errors.Join(faults...)
}

func isLogger(l any) bool {
	switch l.(type) {
	case nil, stripe.LeveledLoggerInterface, stripe.ContextLeveledLoggerInterface:
		return true
	}
	return false
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// isBareHost reports whether the SDK's paths directly follow the URL's host. The SDK
// accepts and uses other URLs, but does not read their responses: a charge would be made
// and an error returned. isBareHost trims the same suffixes as the SDK.
func isBareHost(s string) bool {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(s, "/"), "/v1") + "/v1")
	return err == nil && u.Path == "/v1" && u.RawQuery == "" && u.Fragment == ""
}
