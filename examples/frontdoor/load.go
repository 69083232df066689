package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// stream is a steady flow of requests, which does not wait for answers: as real callers,
// it does not slow down because the server has.
type stream struct {
	class, tenant string
	perSecond     int
}

// streams ask for more than twice what the server can do. The crawler alone asks for more
// than its tenant may have.
var streams = []stream{
	{"checkout", "shop", 60},
	{"browse", "shop-eu", 120},
	{"crawl", "crawler", 300},
}

// report counts what each class got.
type report struct {
	classes map[string]*counts
}

type counts struct {
	sent, served, shed, overQuota, other int
	took                                 []time.Duration // of those served
}

func load(client *http.Client, url string, length time.Duration, streams []stream) *report {
	r := &report{classes: map[string]*counts{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, s := range streams {
		c := &counts{}
		r.classes[s.class] = c
		all.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(s.perSecond))
			defer tick.Stop()
			for range int(length.Seconds() * float64(s.perSecond)) {
				<-tick.C
				all.Go(func() {
					begun := time.Now()
					code := ask(client, url, s)
					took := time.Since(begun)
					mu.Lock()
					defer mu.Unlock()
					c.count(code, took)
				})
			}
		})
	}
	all.Wait()
	return r
}

func ask(client *http.Client, url string, s stream) (code int) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	r.Header.Set("X-Class", s.class)
	r.Header.Set("X-Tenant", s.tenant)
	resp, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func (c *counts) count(code int, took time.Duration) {
	c.sent++
	switch code {
	case http.StatusOK:
		c.served++
		c.took = append(c.took, took)
	case http.StatusServiceUnavailable:
		c.shed++
	case http.StatusTooManyRequests:
		c.overQuota++
	default:
		c.other++
	}
}

// print writes the table, the class that was served best first.
func (r *report) print(out io.Writer) {
	names := make([]string, 0, len(r.classes))
	for name := range r.classes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(-cmp.Compare(r.classes[a].share(), r.classes[b].share()), cmp.Compare(a, b))
	})
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "class\tsent\tserved\tshed (503)\tover quota (429)\tother\tp50\tp99\t")
	for _, name := range names {
		c := r.classes[name]
		fmt.Fprintf(w, "%s\t%d\t%d %%\t%d\t%d\t%d\t%v\t%v\t\n", name, c.sent, int(100*c.share()+0.5), c.shed, c.overQuota, c.other,
			c.quantile(0.5).Round(time.Millisecond), c.quantile(0.99).Round(time.Millisecond))
	}
	_ = w.Flush()
}

// share returns which part of the requests was served.
func (c *counts) share() float64 { return float64(c.served) / float64(max(1, c.sent)) }

func (c *counts) quantile(q float64) time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	slices.Sort(c.took)
	return c.took[int(q*float64(len(c.took)-1))]
}
