package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// direct hands requests to a handler, without a network, which has no place in a bubble.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestTheDoorShedsTheLeastImportantFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		client := &http.Client{Transport: direct{d.handler(work)}}
		r := load(client, "http://door.example", time.Second, streams)
		checkout, browse, crawl := r.classes["checkout"], r.classes["browse"], r.classes["crawl"]
		assert.Equal(t, []int{60, 120, 300}, []int{checkout.sent, browse.sent, crawl.sent})
		assert.GreaterOrEqual(t, crawl.overQuota, 300-150-15, "the crawler asks for twice its quota")
		assert.Zero(t, checkout.overQuota+browse.overQuota)
		assert.Zero(t, checkout.shed+browse.shed, "without the crawler there is room for all")
		assert.Positive(t, crawl.shed)
		accounted(t, d, r)
	})
}

func TestEveryRequestOverHTTPIsAccountedFor(t *testing.T) {
	d := newDoor()
	server := httptest.NewServer(d.handler(work))
	defer server.Close()
	r := load(server.Client(), server.URL, 200*time.Millisecond, streams)
	accounted(t, d, r)

	var out strings.Builder
	r.print(&out)
	assert.Contains(t, out.String(), "over quota (429)")
}

// accounted checks that the door and its callers count the same, however long all took.
func accounted(t *testing.T, d *door, r *report) {
	t.Helper()
	var served, shed int
	for _, c := range r.classes {
		assert.Zero(t, c.other)
		assert.Equal(t, c.sent, c.served+c.shed+c.overQuota)
		served += c.served
		shed += c.shed
	}
	assert.Equal(t, 3, d.tenants.Len())
	s := d.gate.Snapshot()
	assert.Zero(t, s.InUse+s.Waiting)
	assert.EqualValues(t, served, s.Admitted)
	assert.EqualValues(t, shed, s.Rejected)
}
