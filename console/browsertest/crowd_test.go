package browsertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// metric returns one of the browser's own metrics of the tab.
func (p *tab) metric(name string) float64 {
	p.t.Helper()
	got, err := chromedp.Call(p.ctx, performance.GetMetrics, struct{}{})
	require.NoError(p.t, err)
	for _, m := range got.Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	p.t.Fatalf("no metric %s", name)
	return 0
}

// work returns how many seconds of script the machine needs now for a piece of work that is
// always the same, and of the kind that a page does: a list of 2,000 circuits.
func (p *tab) work() float64 {
	p.t.Helper()
	const times = 10
	before := p.metric("ScriptDuration")
	for range times {
		_ = eval[int](p, `new Promise(done => setTimeout(() => { // the browser counts what a task runs
			const all = [];
			for (let i = 0; i < 2000; i++) {
				const li = document.createElement('li'), name = document.createElement('span');
				name.textContent = 'circuit-' + i;
				li.className = 'open';
				li.append(name, ' of ', String(i * 7 % 1000));
				all.push({li, rank: i * 7919 % 2003});
			}
			all.sort((a, b) => a.rank - b.rank);
			const ul = document.createElement('ul');
			all.forEach(x => ul.append(x.li));
			done(JSON.parse(JSON.stringify(all.map(x => ({rank: x.rank, name: x.li.textContent})))).length);
		}))`)
	}
	return (p.metric("ScriptDuration") - before) / times
}

// The page of a large program stays usable. The time is the browser's own count of what its
// thread spent in scripts, and not of the time that other processes took from it, and it is
// compared with a piece of work that takes some 10 ms. Everything changes in each snapshot,
// and a page gets one a second.
func TestFiveHundredCircuitsAndTwoHundredPipelinesStayUsable(t *testing.T) {
	const circuits, pipelines, seconds = 500, 200, 20
	clk := fake.NewClock(fake.At(time.Now()))
	stats := observe.New(observe.Config{Clock: clk})
	var all []*breaker.Circuit
	for i := range circuits {
		all = append(all, breaker.NewCircuit(breaker.Config{
			Name: fmt.Sprintf("circuit-%03d", i), FailureRate: 0.5, Window: time.Minute, MinCalls: 20, RecoveryTimeout: time.Hour, Clock: clk,
		}))
	}
	happen := func(round int) {
		for i := range pipelines {
			for k := range 1 + (i+round)%7 {
				stats.Observe(context.Background(), policy.Event{
					Kind: policy.Finished, Pipeline: fmt.Sprintf("pipeline-%03d", i), Attempt: 1 + k%2, Elapsed: time.Duration(1+i*k) * time.Millisecond,
				})
			}
		}
		for i, c := range all {
			call(c, nil)
			if (i+round)%9 == 0 {
				call(c, errDown)
			}
		}
	}
	happen(0)
	url := serve(t, console.New(console.Config{Circuits: all, Stats: stats, Clock: clk}))
	p := open(t, url, desktop, false)
	_, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	require.NoError(t, err)
	p.wait(`document.querySelectorAll('#circuits > li').length === 500 && document.querySelectorAll('#pipelines > li').length === 200`)
	drawn := eval[float64](p, `performance.now() - performance.getEntriesByType('navigation')[0].responseEnd`)

	_ = eval[bool](p, `window.drawn = 0; new MutationObserver(() => drawn++).observe(document.getElementById('pipelines'), {subtree: true, childList: true, characterData: true}); true`)
	work := p.work()
	script, task := p.metric("ScriptDuration"), p.metric("TaskDuration")
	for round := range seconds {
		happen(round)
		pass(t, clk, time.Second)
		p.wait(fmt.Sprintf(`window.drawn > %d`, round))
	}
	script, task = (p.metric("ScriptDuration")-script)/seconds, (p.metric("TaskDuration")-task)/seconds
	work = (work + p.work()) / 2
	t.Logf("drawn %.0f ms after the page came; a snapshot takes %.1f ms of script, %.1f ms of all work; the piece of work %.1f ms", drawn, script*1000, task*1000, work*1000)
	assert.LessOrEqual(t, script, 4*work, "seconds of script a snapshot")
	all[250].Isolate("drill")
	p.shows("#circuits > li:nth-child(1) .name", "circuit-250")
	p.filter("pipelines", "line-123")
	p.wait(`document.querySelectorAll('#pipelines > li:not([hidden])').length === 1`)
	p.quiet()
}
