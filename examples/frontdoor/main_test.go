package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheDoorShedsTheLeastImportantFirst(t *testing.T) {
	d := newDoor()
	server := httptest.NewServer(d.handler(work))
	defer server.Close()
	r := load(server.URL, time.Second, streams)
	checkout, browse, crawl := r.classes["checkout"], r.classes["browse"], r.classes["crawl"]
	for _, c := range []*counts{checkout, browse, crawl} {
		assert.Zero(t, c.other)
		assert.Equal(t, c.sent, c.served+c.shed+c.overQuota)
	}
	assert.Positive(t, crawl.overQuota, "the crawler asks for twice its quota")
	assert.Zero(t, checkout.overQuota+browse.overQuota)
	assert.GreaterOrEqual(t, checkout.share(), crawl.share())
	assert.Equal(t, 3, d.tenants.Len())
	s := d.gate.Snapshot()
	assert.Zero(t, s.InUse+s.Waiting)
	assert.EqualValues(t, checkout.served+browse.served+crawl.served, s.Admitted)
	assert.EqualValues(t, checkout.shed+browse.shed+crawl.shed, s.Rejected)

	var out strings.Builder
	r.print(&out)
	assert.Contains(t, out.String(), "over quota (429)")
}
