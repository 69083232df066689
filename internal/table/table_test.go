package table_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/table"
)

// The hashes of a test collide often, so that lists are long.
func hashOf(k int) uint64 { return uint64(k % 7) }

func TestATableHoldsWhatAMapHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	at, model := table.New[int, int](table.Smallest), map[int]*int{}
	for range 5000 {
		k := random.IntN(200)
		if v := model[k]; v != nil && random.IntN(2) == 0 {
			at.Unlink(hashOf(k), v)
			delete(model, k)
		} else if v == nil {
			model[k] = &k
			at.Link(hashOf(k), k, &k)
		}
		at = at.Fitting()
		require.Equal(t, len(model), at.Len())
		require.Same(t, model[k], at.Find(hashOf(k), k))
	}
	found := map[int]*int{}
	for v := range at.All {
		found[*v] = v
	}
	assert.Equal(t, model, found)
}

func TestTheValueThatWasLinkedLastIsFound(t *testing.T) {
	at, first, second := table.New[string, int](table.Smallest), 1, 2
	at.Link(5, "a", &first)
	at.Link(5, "a", &second)
	assert.Same(t, &second, at.Find(5, "a"))
	at.Unlink(5, &first)
	assert.Same(t, &second, at.Find(5, "a"))
	at.Unlink(5, &second)
	assert.Nil(t, at.Find(5, "a"))
}

func TestAKeyThatDoesNotEqualItselfIsUnlinked(t *testing.T) {
	at, v := table.New[float64, int](table.Smallest), 1
	at.Link(3, math.NaN(), &v)
	at.Unlink(3, &v)
	assert.Zero(t, at.Len())
}

func TestAKeyThatStaysIsFoundWhileOthersComeAndGo(t *testing.T) {
	const steps = 2000
	at, stays := table.New[int, int](table.Smallest), -7
	at.Link(0, stays, &stays)
	var readers sync.WaitGroup
	var stop atomic.Bool
	var looks [2]atomic.Int64
	for r := range looks {
		readers.Go(func() {
			for !stop.Load() {
				assert.Same(t, &stays, at.Find(0, stays))
				looks[r].Add(1)
				runtime.Gosched()
			}
		})
	}
	// The table changes until each reader has looked as often as it changes at least.
	for i := 0; i < steps || looks[0].Load() < steps || looks[1].Load() < steps; i++ {
		at.Link(0, i, &i)
		if i%3 != 0 || i >= steps { // a list that grows would slow the readers down
			at.Unlink(0, &i)
		}
		runtime.Gosched()
	}
	stop.Store(true)
	readers.Wait()
}

func TestATableFitsItsSize(t *testing.T) {
	at, vs := table.New[int, int](table.Smallest), make([]int, 1025)
	for i := range vs {
		at.Link(uint64(i), i, &vs[i])
		at = at.Fitting()
	}
	assert.Equal(t, 2048, at.Buckets())
	for i := range vs {
		at.Unlink(uint64(i), &vs[i])
		at = at.Fitting()
	}
	assert.Equal(t, table.Smallest, at.Buckets())
}
