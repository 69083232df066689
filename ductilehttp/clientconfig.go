package ductilehttp

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// Defaults of [ClientConfig].
const (
	DefaultClientTimeout  = DefaultAttemptTimeout
	DefaultClientAttempts = retry.DefaultMaxAttempts
	DefaultMaxResponse    = 10 << 20
)

// ClientConfig configures a [Client]. BaseURL is required.
type ClientConfig struct {
	BaseURL string // of the API, with http or https and a host; its path comes before every call's
	// Circuit is the API's. Nil means one with the core's defaults: it opens for 30 s
	// after 5 failures in a row and then lets 3 probes at a time through.
	Circuit *breaker.Circuit
	// Timeout bounds each attempt, its response included. 0 means 10 s, negative none.
	// All attempts together have MaxAttempts times that, and 4 s for each delay.
	Timeout time.Duration
	// MaxAttempts counts attempts, not retries. 0 means 3, [retry.Unlimited] no limit.
	MaxAttempts int
	Header      http.Header // sent with every request; Accept and Content-Type are JSON's unless in it
	// Observer is told of every call's events, as a [Config]'s is. Nil is nobody.
	Observer policy.Observer
	// Transport sends the requests, each attempt as one. Nil means
	// http.DefaultTransport. A *[Transport] does the retrying itself, with its own
	// circuits, times and observer: Circuit, Timeout, MaxAttempts and Observer are
	// then zero.
	Transport http.RoundTripper
	// MaxResponse is how many bytes of a response are read. 0 means 10 MiB.
	MaxResponse int64
}

// Validate returns nil for a config that [NewClient] takes, or all that is wrong
// with it, each fault naming its field. It does not show BaseURL, which may have
// a password in it.
func (c ClientConfig) Validate() error {
	faults := faults{kind: "ClientConfig"}
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "":
		faults.add("BaseURL", "empty", "an http or https URL")
	case err != nil:
		faults.add("BaseURL", "no URL", "an http or https URL")
	case u.Scheme != "http" && u.Scheme != "https":
		faults.add("BaseURL", fmt.Sprintf("of scheme %q", u.Scheme), "an http or https URL")
	case u.Host == "":
		faults.add("BaseURL", "without a host", "one with a host")
	case u.RawQuery != "" || u.Fragment != "":
		faults.add("BaseURL", "with a query or fragment", "one without")
	}
	if c.MaxAttempts < retry.Unlimited {
		faults.add("MaxAttempts", c.MaxAttempts, "Unlimited (-1), or 0 or more")
	}
	if c.MaxResponse < 0 {
		faults.add("MaxResponse", c.MaxResponse, "0 or more")
	}
	for name := range c.Header {
		if !isToken(name) {
			faults.add("Header", fmt.Sprintf("with a field %q", name), "names of headers")
		}
	}
	if _, ok := c.Transport.(*Transport); ok {
		c.refuseBesideTransport(&faults)
	}
	return faults.err()
}

func (c ClientConfig) refuseBesideTransport(faults *faults) {
	for _, f := range []struct {
		field string
		value any
	}{
		{"Circuit", c.Circuit}, {"Timeout", c.Timeout}, {"MaxAttempts", c.MaxAttempts}, {"Observer", c.Observer},
	} {
		if !isZero(f.value) {
			faults.add(f.field, "set", "zero beside a *ductilehttp.Transport")
		}
	}
}

// transport returns what sends the requests.
func (c ClientConfig) transport() *Transport {
	t, ok := c.Transport.(*Transport)
	if !ok {
		t = NewTransport(Config{
			Base: c.Transport, Circuit: c.Circuit, AttemptTimeout: cmp.Or(c.Timeout, DefaultClientTimeout), TotalTimeout: c.total(),
			Retry: retry.Config{MaxAttempts: c.MaxAttempts}, Observer: c.Observer,
		})
	}
	return t.reading(cmp.Or(c.MaxResponse, DefaultMaxResponse))
}

// total returns the time that all attempts and the delays between them have
// together. None, where one attempt may take as long as it likes, or there is
// but one.
func (c ClientConfig) total() time.Duration {
	timeout, attempts := cmp.Or(c.Timeout, DefaultClientTimeout), cmp.Or(c.MaxAttempts, DefaultClientAttempts)
	if timeout < 0 || attempts <= 1 || timeout > math.MaxInt64/time.Duration(attempts)-retry.DefaultMaxDelay {
		return -1
	}
	return (timeout+retry.DefaultMaxDelay)*time.Duration(attempts) - retry.DefaultMaxDelay
}
