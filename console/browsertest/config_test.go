package browsertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// declared is a program whose policies come from a file.
func declared() registry.Spec {
	return registry.Spec{
		Circuits: map[string]registry.CircuitSpec{
			"stripe": {Config: breaker.Config{FailureThreshold: 1, RecoveryTimeout: time.Hour}},
		},
		Budgets:   map[string]registry.BudgetSpec{"outbound": {BudgetConfig: retry.BudgetConfig{Ratio: 0.2}}},
		Bulkheads: map[string]registry.BulkheadSpec{"uploads": {Config: bulkhead.Config{Limit: 8, MaxQueue: 4}}},
		Pipelines: map[string]registry.PipelineSpec{
			"charge": {TotalTimeout: 10 * time.Second, Retry: &registry.RetrySpec{BudgetName: "outbound"}, Circuit: "stripe", AttemptTimeout: 3 * time.Second},
			"upload": {Bulkhead: "uploads"},
		},
		Families: map[string]registry.FamilySpec{"hosts": {Pipeline: "upload"}},
		Origins: map[string]string{
			"circuits.stripe.recovery_timeout": "ductile.yaml:9:5",
			"bulkheads.uploads.limit":          "DUCTILE__BULKHEADS__UPLOADS__LIMIT",
		},
	}
}

func configured(t *testing.T) (*registry.Registry, string) {
	t.Helper()
	stats := observe.New(observe.Config{})
	r, err := registry.New(declared(), registry.WithObserver(stats.Observe))
	require.NoError(t, err)
	live, err := registry.Pipeline[int](r, "charge")
	require.NoError(t, err)
	_, err = live.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
	require.NoError(t, err)
	return r, serve(t, console.New(console.Config{Stats: stats, Registry: r, Allow: allow, Title: "shop", Instance: "shop-1"}))
}

func TestEachValueIsShownWithItsOrigin(t *testing.T) {
	_, url := configured(t)
	p := visit(t, url, desktop, false)
	row := func(path string) []string {
		return eval[[]string](p, `[...[...document.querySelectorAll('#config li')].find(li => li.children[0].textContent === '`+path+`').children].map(x => x.textContent)`)
	}
	p.shows("#h-config", "of the configuration")
	p.wait(`document.querySelectorAll('#config li').length > 12`)
	assert.Equal(t, []string{"circuits.stripe.recovery_timeout", "1h0m0s", "ductile.yaml:9:5"}, row("circuits.stripe.recovery_timeout"))
	assert.Equal(t, []string{"bulkheads.uploads.limit", "8", "DUCTILE__BULKHEADS__UPLOADS__LIMIT"}, row("bulkheads.uploads.limit"))
	assert.Equal(t, []string{"pipelines.charge.total_timeout", "10s", "code"}, row("pipelines.charge.total_timeout"))
	assert.Equal(t, []string{"families.hosts.max", "1024", "default"}, row("families.hosts.max"))
	p.filter("config", "ductile.yaml")
	p.wait(`document.querySelectorAll('#config > li:not([hidden])').length === 1`)
	p.shows("#revision", "config revision 1")
	p.shows("li[data-name=charge]", "retry(3) > breaker(stripe)")
	p.shows("li[data-name=hosts]", "for each key, 0 keys now, not counted")
	p.shows("#limits", "uploads")
	p.quiet()
}

func TestAReloadIsSeenWithoutReloadingThePage(t *testing.T) {
	quietLog(t)
	r, url := configured(t)
	p := visit(t, url, desktop, false)
	p.shows("#config", "1h0m0s")
	_ = eval[int](p, `window.mine = 1; 0`)
	spec := declared()
	spec.Circuits["stripe"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 1, RecoveryTimeout: 2 * time.Hour}}
	spec.Circuits["search"] = registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 1}}
	spec.Pipelines["find"] = registry.PipelineSpec{Circuit: "search"}
	spec.Origins["circuits.stripe.recovery_timeout"] = "ductile.yaml:10:5"
	_, err := r.Apply(spec)
	require.NoError(t, err)
	p.wait(`[...document.querySelectorAll('#config .changed')].some(li => li.textContent.includes('2h0m0sductile.yaml:10:5'))`)
	p.shows("#revision", "config revision 2")
	p.shows("#changes", "changed circuits.stripe")
	p.shows("#events", "Configuration reloaded: added circuits.search")
	p.shows("li[data-name=find]", "breaker(search)")
	p.click(`#circuits li[data-name=search] summary`)
	p.click(`[aria-label="Isolate search"]`)
	p.click("#a-ok")
	p.click("#a-ok")
	p.shows("li[data-name=search] .state", "isolated")
	search, err := r.Circuit("search")
	require.NoError(t, err)
	assert.Equal(t, breaker.Isolated, search.State())

	_, err = r.Apply(declared())
	require.NoError(t, err)
	p.wait(`!document.querySelector('[data-name=search]') && !document.querySelector('[data-name=find]')`)
	assert.Equal(t, 1, eval[int](p, `window.mine`), "the page was not loaded again")
	p.quiet()
}

func TestAReloadThatFailedIsShownUntilTheNextGoodOne(t *testing.T) {
	r, url := configured(t)
	p := visit(t, url, desktop, false)
	p.shows("#verdict", "All is well")
	r.Failed(errors.New("ductile.yaml:9:5: circuits.stripe.recovery_timout: unknown field, did you mean recovery_timeout?\n" +
		"    9 |     recovery_timout: 60s <img src=x>\n      |     ^\nfrom https://user:secret@config.example/ductile.yaml?token=secret"))
	p.shows("#verdict", "The last reload failed")
	p.shows("#trouble .failed", "did you mean recovery_timeout?")
	p.shows("#trouble .failed", "Revision 1 stays in force.")
	p.shows("#say", "The reload of the configuration failed")
	assert.NotContains(t, p.text("#trouble"), "secret")
	assert.True(t, eval[bool](p, `document.getElementById('failed').checkVisibility()`))
	assert.Equal(t, 0, eval[int](p, `document.images.length`))
	for _, look := range looks {
		p.screen(look.size, look.dark)
		wide := eval[[]int64](p, `[innerWidth, document.documentElement.scrollWidth]`)
		assert.LessOrEqual(t, wide[1], wide[0], "the page scrolls sideways, "+look.name)
		p.shot("config-" + look.name)
	}
	p.quiet()
	_, err := chromedp.Call(p.ctx, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	require.NoError(t, err)
	for _, look := range looks {
		p.screen(look.size, look.dark)
		p.do(chromedp.Reload())
		p.shows("#trouble .failed", "did you mean recovery_timeout?")
		p.shows("#config", "1h0m0s")
		p.axe("a failed reload, " + look.name)
	}
	_, err = r.Apply(declared())
	require.NoError(t, err)
	p.shows("#verdict", "All is well")
	p.wait(`!document.getElementById('failed').checkVisibility() && !document.querySelector('#trouble .failed')`)
}
