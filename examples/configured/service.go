package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// status is the code of an answer.
type status int

// service calls the backend through the policies of a registry. It asks for each pipeline
// once, and the pipelines follow the file.
type service struct {
	registry *registry.Registry
	client   *http.Client
	url      string
	ledger   *ledger
	stats    *observe.Stats // for the page
	charge   *registry.Live[status]
	search   *registry.Live[status]
	trial    *registry.Live[status]
	partners *registry.Family[status]
	deliver  policy.Policy[status]
}

func newService(spec registry.Spec, w world) (*service, error) {
	s := &service{client: &http.Client{Transport: w.transport}, url: w.url, ledger: newLedger(), stats: observe.New(observe.Config{})}
	r, err := registry.New(spec, registry.WithObserver(func(ctx context.Context, e policy.Event) {
		s.ledger.observe(ctx, e)
		s.stats.Observe(ctx, e)
	}))
	if err != nil {
		return nil, err
	}
	s.registry = r
	for name, live := range map[string]**registry.Live[status]{"charge": &s.charge, "search": &s.search, "trial": &s.trial} {
		if *live, err = registry.Pipeline[status](r, name); err != nil {
			return nil, err
		}
	}
	if s.partners, err = registry.Keyed[status](r, "partners"); err != nil {
		return nil, err
	}
	s.deliver = s.partners.Policy(partnerOf)
	return s, nil
}

// kinds of calls, by the names under which observers see them.
const (
	charging   = "charge"
	searching  = "search"
	trying     = "trial"
	delivering = "partners"
	refunding  = "refund"
)

var kinds = []string{charging, searching, trying, delivering, refunding}

// paths of the backend, before the partner of a call.
var paths = map[string]string{
	charging: "/payments/charge/", refunding: "/payments/refund/", searching: "/search/", trying: "/trials/", delivering: "/partners/",
}

// call makes a call of a kind, and enters it in the ledger on both sides of the policies.
func (s *service) call(ctx context.Context, kind, partner string) {
	row := s.ledger.rows[kind]
	attempts := 0
	fn := func(ctx context.Context) (status, error) {
		row.ran.Add(1)
		if attempts++; attempts > 1 {
			row.retries.Add(1)
		}
		return s.get(ctx, paths[kind]+partner)
	}
	policies := s.policiesOf(kind)
	if policies == nil {
		return // the file does not declare it yet
	}
	row.begun.Add(1)
	v, err := policies.Execute(context.WithValue(ctx, partnerKey{}, partner), policy.CallOf(fn))
	row.end(v, err)
}

func (s *service) policiesOf(kind string) policy.Policy[status] {
	switch kind {
	case charging:
		return s.charge
	case searching:
		return s.search
	case trying:
		return s.trial
	case delivering:
		return s.deliver
	}
	refund, err := registry.Pipeline[status](s.registry, refunding)
	if err != nil {
		return nil
	}
	return refund
}

// get asks the backend.
func (s *service) get(ctx context.Context, path string) (status, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return 0, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return status(resp.StatusCode), nil
}

// partnerKey is the context key for the partner of a call.
type partnerKey struct{}

func partnerOf(ctx context.Context) (string, bool) {
	partner, ok := ctx.Value(partnerKey{}).(string)
	return partner, ok
}
