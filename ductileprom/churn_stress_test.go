package ductileprom_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
)

// A registry refuses all that it has gathered if two series are the same or a value does
// not fit its type.
func TestScrapesAreValidWhileCircuitsAreBornAndDie(t *testing.T) {
	const names, callers, calls = 20, 4, 1500
	s := observe.New(observe.Config{MaxKeys: 5, MaxSeries: 50})
	circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Max: 5, Make: func(name string) *breaker.Circuit {
		if name == "0" {
			name = "" // all of one name, which is the policy's
		}
		return breaker.NewCircuit(breaker.Config{Name: name, FailureThreshold: 1, RecoveryTimeout: breaker.NoWait})
	}})
	defer s.Watch(circuits)()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(ductileprom.NewCollector(s))
	var ended, scrapes sync.WaitGroup
	done := make(chan struct{})
	for g := range callers {
		ended.Go(func() {
			for i := range calls {
				name := strconv.Itoa((i*7 + g) % names)
				p := pipeline.New[int](breaker.New[int](circuits.Get(name))).WithName(name).WithObserver(s.Observe)
				_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 0, errDown })
				if i%3 == 0 {
					circuits.Forget(name)
				}
			}
		})
	}
	scrapes.Go(func() {
		for last := false; ; {
			if _, err := r.Gather(); !assert.NoError(t, err) || last {
				return
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
	})
	ended.Wait()
	close(done)
	scrapes.Wait()
}
