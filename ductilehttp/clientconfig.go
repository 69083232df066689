package ductilehttp

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// ClientConfig configures a [Client]. BaseURL is required.
type ClientConfig struct {
	BaseURL string // of the API: http or https, with a host; its path precedes the path of every call
	// Circuit is the circuit of the API. If nil, a circuit with the core's defaults is
	// used: it opens for 30 s after 5 consecutive failures, then admits 3 concurrent
	// probes.
	Circuit *breaker.Circuit
	// AttemptTimeout bounds each attempt up to the header of its response. 0 means 10 s, or
	// a third of TotalTimeout if that is set and less. Negative means no limit.
	AttemptTimeout time.Duration
	// TotalTimeout bounds the call: all attempts, delays and redirects, and the response
	// body. 0 means MaxAttempts times (AttemptTimeout + 4 s), or no limit if one of the two
	// has none. Negative means no limit.
	TotalTimeout time.Duration
	// MaxAttempts counts attempts, not retries. 0 means 3, [retry.Unlimited] means no
	// limit.
	MaxAttempts int
	Header      http.Header // sent with every request; Accept and Content-Type default to JSON
	// Observer is called with the events of every call, like the Observer of [Config]. If
	// nil, no events are emitted.
	Observer policy.Observer
	// Chaos, if set, runs around each request that is sent, like the Chaos of [Config].
	Chaos policy.Policy[*http.Response]
	// Base sends the requests, one per attempt. If nil, http.DefaultTransport is used. If
	// Base is a *[Transport], it does the retrying, with its own circuits, timeouts and
	// observer: Circuit, AttemptTimeout, TotalTimeout, MaxAttempts, Observer and Chaos must
	// then be zero.
	Base http.RoundTripper
	// MaxResponse is how many bytes of a response are read. 0 means 10 MiB.
	MaxResponse int64
}

// Validate returns nil if [NewClient] accepts c, and otherwise all faults, joined. Each
// fault names its field. BaseURL is not shown, because it may contain a password.
func (c ClientConfig) Validate() error {
	faults := faultsOf("ClientConfig")
	c.judgeURL(&faults)
	if c.MaxAttempts < retry.Unlimited {
		faults.Add("MaxAttempts", c.MaxAttempts, "Unlimited (-1), or 0 or more")
	}
	if c.MaxResponse < 0 {
		faults.Add("MaxResponse", c.MaxResponse, "0 or more")
	}
	c.judgeHeader(&faults)
	faults.refuseTypedNil("Base", c.Base)
	if _, ok := c.Base.(*Transport); ok {
		c.refuseBesideTransport(&faults)
	} else if faults.Err() == nil {
		faults.In("", c.config().Validate())
	}
	return faults.Err()
}

func (c ClientConfig) judgeURL(faults *faults) {
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		faults.Add("BaseURL", "no URL ("+kindOf(err)+")", "an http or https URL")
		return
	}
	port, noPort := strconv.Atoi(u.Port())
	switch {
	case c.BaseURL == "":
		faults.Add("BaseURL", "empty", "an http or https URL")
	case u.Scheme != "http" && u.Scheme != "https":
		faults.Add("BaseURL", fmt.Sprintf("of scheme %q", u.Scheme), "an http or https URL")
	case u.Hostname() == "":
		faults.Add("BaseURL", "without a host", "one with a host")
	case u.Port() != "" && (noPort != nil || port < 1 || port > math.MaxUint16):
		faults.Add("BaseURL", "with port "+u.Port(), "one from 1 to 65535")
	case u.RawQuery != "" || u.Fragment != "":
		faults.Add("BaseURL", "with a query or fragment", "one without")
	}
}

// kindOf returns what kind of fault net/url found. It cuts off the quoted text: that comes
// from the URL and may be part of a password, since a password with a "#" looks like a
// port.
func kindOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	kind, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(kind, " (:")
}

// judgeHeader shows names but no values, which may be secret.
func (c ClientConfig) judgeHeader(faults *faults) {
	for _, name := range slices.Sorted(maps.Keys(c.Header)) {
		switch {
		case !isToken(name):
			faults.Add("Header", fmt.Sprintf("with a field %q", name), "names of headers")
		case http.CanonicalHeaderKey(name) == "Host":
			faults.Add("Header", "with a Host", "it in BaseURL, or in a call's options as Header(\"Host\", name)")
		case slices.ContainsFunc(c.Header[name], hasControls):
			faults.Add("Header", fmt.Sprintf("with a control character in %s", name), "values without, and without a line break at the end")
		}
	}
}

// hasControls reports whether a header value contains characters that RFC 9110, section
// 5.5, forbids.
func hasControls(v string) bool {
	return strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func (c ClientConfig) refuseBesideTransport(faults *faults) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Circuit", c.Circuit}, {"AttemptTimeout", c.AttemptTimeout}, {"TotalTimeout", c.TotalTimeout},
		{"MaxAttempts", c.MaxAttempts}, {"Observer", c.Observer},
	} {
		faults.refuse(f.field, f.value, "a *ductilehttp.Transport")
	}
	if c.Chaos != nil {
		faults.refuse("Chaos", c.Chaos, "a *ductilehttp.Transport")
	}
}

// transport returns the Transport that sends the requests.
func (c ClientConfig) transport() *Transport {
	t, ok := c.Base.(*Transport)
	if !ok {
		t = NewTransport(c.config())
	}
	return t.With(reading{limit: cmp.Or(c.MaxResponse, DefaultMaxResponse), clock: t.Config().Clock})
}

// config returns the config of the client's own Transport. One circuit serves all its
// calls, because they go to one host.
func (c ClientConfig) config() Config {
	attempt := c.AttemptTimeout
	if c.TotalTimeout <= 0 {
		attempt = cmp.Or(attempt, DefaultAttemptTimeout)
	}
	return Config{
		Base: c.Base, Circuit: c.Circuit, AttemptTimeout: attempt, TotalTimeout: c.total(),
		Retry: retry.Config{MaxAttempts: c.MaxAttempts}, Observer: c.Observer, Chaos: c.Chaos,
	}
}

// total returns the time limit of a call.
func (c ClientConfig) total() time.Duration {
	if c.TotalTimeout != 0 {
		return c.TotalTimeout
	}
	attempt, attempts := cmp.Or(c.AttemptTimeout, DefaultAttemptTimeout), cmp.Or(c.MaxAttempts, DefaultClientAttempts)
	if attempt < 0 || attempts < 1 || attempt > math.MaxInt64/time.Duration(attempts)-retry.DefaultMaxDelay {
		return -1
	}
	return (attempt + retry.DefaultMaxDelay) * time.Duration(attempts)
}
