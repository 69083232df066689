// Frontdoor is a server that is asked for more than it can do. A limiter for each tenant
// holds those back that ask too much. A gate lets as many requests in as the server can
// handle, keeps a short queue, and serves the important ones first. The program makes the
// load itself, over HTTP, and reports what each class of requests got.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

const (
	places  = 4                     // requests at a time
	service = 20 * time.Millisecond // so the server can do 200 a second
)

// door is what stands before the server's work.
type door struct {
	tenants *keyed.Map[string, *ratelimit.Limiter]
	gate    *bulkhead.Gate
}

func newDoor() *door {
	return &door{
		tenants: keyed.New(keyed.Config[string, *ratelimit.Limiter]{
			Make: func(tenant string) *ratelimit.Limiter {
				return ratelimit.NewLimiter(ratelimit.Config{Name: tenant, Limit: 150, Burst: 15})
			},
			Max: 65536, // tenants with a bucket of their own; others share one
		}),
		gate: bulkhead.NewGate(bulkhead.Config{
			Name: "front door", Limit: places, MaxQueue: 20,
			// A queue that stays full for 100 ms is no burst: from then on no request waits for
			// longer than it takes to serve one.
			Delay: bulkhead.CoDel{Target: service, Interval: 100 * time.Millisecond},
		}),
	}
}

// handler returns work behind the door: first the tenant's limiter, since a refusal there
// must not take a place, then the gate.
func (d *door) handler(work ductilehttp.HandlerFunc) http.Handler {
	gated := ductilehttp.Handler(work, ductilehttp.HandlerConfig{Gate: d.gate, Priority: priorityOf})
	return ductilehttp.Handler(func(w http.ResponseWriter, r *http.Request) error {
		limiter := d.tenants.Pin(r.Header.Get("X-Tenant"))
		defer limiter.Release()
		if _, err := limiter.Value().Reserve(1, 0); err != nil {
			return err // 429, with a Retry-After
		}
		gated.ServeHTTP(w, r)
		return nil
	}, ductilehttp.HandlerConfig{})
}

// priorityOf reads a class that an edge proxy has set: callers do not choose their own.
func priorityOf(r *http.Request) policy.Priority {
	return map[string]policy.Priority{
		"checkout": policy.Critical, "browse": policy.Normal, "crawl": policy.Sheddable,
	}[r.Header.Get("X-Class")]
}

func work(w http.ResponseWriter, r *http.Request) error {
	select {
	case <-time.After(service):
		_, err := fmt.Fprintln(w, "done")
		return err
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

func main() {
	length := flag.Duration("for", 3*time.Second, "how long the load lasts")
	flag.Parse()
	d := newDoor()
	server := httptest.NewServer(d.handler(work))
	defer server.Close()
	fmt.Printf("%d places of %v: %d requests a second fit. Offered for %v:\n\n", places, service, places*int(time.Second/service), *length)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	r := load(client, server.URL, *length, streams)
	r.print(os.Stdout)
	s := d.gate.Snapshot()
	fmt.Printf("\nThe gate let %d in and refused %d; %d tenants have a limiter.\n", s.Admitted, s.Rejected, d.tenants.Len())
}
