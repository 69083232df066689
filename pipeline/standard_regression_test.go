package pipeline_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
)

type closable struct{ close func() }

func (c *closable) Close() error {
	c.close()
	return nil
}

func TestALosersValueThatCanBeClosedGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := bulkhead.NewGate(bulkhead.Config{Limit: 2})
		p := pipeline.Standard[*closable](pipeline.StandardConfig{
			Hedge: &hedge.Config{Delay: time.Second, Budget: hedge.NoBudget, Abandon: true}, Gate: gate,
			Keep: func(_ context.Context, v *closable, release func()) *closable {
				inner := v.close
				return &closable{func() { inner(); release() }}
			},
		})
		var n atomic.Int64
		v, err := p.Do(t.Context(), func(context.Context) (*closable, error) {
			if n.Add(1) == 1 {
				time.Sleep(time.Minute) // deaf to its context
			}
			return &closable{func() {}}, nil
		})
		require.NoError(t, err)
		require.NoError(t, v.Close())
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, gate.Snapshot().InUse)
	})
}
