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

// Config configures the backends that [NewBackends] makes. The zero Config
// retries as the zero retry.Config does, gives each of Stripe's hosts a default
// circuit, each attempt 10 s and the whole 30 s.
type Config struct {
	// Transport is what requests go through. Its RetryResponse is [RetryResponse]
	// if nil. A payment that waits for a bank may need an AttemptTimeout of more.
	//
	// An attempt has succeeded when the first MiB of its answer has arrived, so that
	// a connection which breaks in the middle of an answer leads to another.
	//
	// Its circuits see a failure in 429, 5xx, broken connections and timeouts, and
	// a success in every other answer, a declined card included. A 429 whose code is
	// lock_timeout is retried and ignored by circuits: another call for the same object was
	// running. So is a failure that Stripe has stored for the key, which is not retried.
	// Its MaxBufferedBody is 32 MiB if 0, for files.
	Transport ductilehttp.Config

	// Once sends each request once, with no policy here: for a pipeline above the
	// SDK to decide, by [Call] or [Pin]. Of Transport no more than Base, headers and
	// Observer may be set then.
	Once bool

	// SDK is the rest of the SDK's own configuration. Its URL, if not nil, has no
	// path: of one that has, the SDK charges and reads no answer. Its HTTPClient must be nil,
	// as Transport takes its place; and its MaxNetworkRetries nil or 0, which both
	// mean 0: the SDK sleeps between its retries without looking at the context,
	// and does not retry an error in JSON.
	//
	// A nil EnableTelemetry means false: what it would report to Stripe as the
	// latency of a request includes the attempts and delays of the Transport. A nil
	// LeveledLogger logs nothing: what is logged is also returned as an error.
	SDK stripe.BackendConfig
}

// NewBackends returns backends for stripe.WithBackends, with one
// ductilehttp.Transport below them all. It panics with Validate's error. They are
// safe for concurrent use.
//
// The SDK makes a call's idempotency key before the Transport sees the request, so
// that all attempts share it. To repeat a call that failed, set a key of your own: the
// SDK's is not known afterwards.
//
// What a call ends with is the SDK's: a *stripe.Error for the last answer, though
// attempts were spent on it. A connection that broke each time is a *retry.Error,
// one that was not tried a *breaker.OpenError, both wrapped in a *url.Error.
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

// transport is the Transport's config with Stripe's rules.
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

// maxUpload is how much of a request is kept to be sent again: the SDK has it in memory
// anyhow, and files are its longest.
const maxUpload = 32 << 20

// Validate returns nil for a config that [NewBackends] takes, or all that is
// wrong with it, each fault naming its field.
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

// isBareHost reports whether the paths of the SDK come right behind the URL's host.
// Others it takes, sends to, and reads no answer of: a charge would be made and an
// error returned. What it trims, it trims as here.
func isBareHost(s string) bool {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(s, "/"), "/v1") + "/v1")
	return err == nil && u.Path == "/v1" && u.RawQuery == "" && u.Fragment == ""
}
