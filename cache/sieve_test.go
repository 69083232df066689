package cache_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sieveModel says which keys a Memory of a size holds, none of which expires.
type sieveModel struct {
	size    int
	keys    []int // the oldest first
	read    map[int]bool
	hand    int // the key that eviction looks at next; -1 means the oldest
	evicted int64
}

func (s *sieveModel) get(k int) bool {
	ok := slices.Contains(s.keys, k)
	if ok {
		s.read[k] = true
	}
	return ok
}

func (s *sieveModel) set(k int) {
	if slices.Contains(s.keys, k) {
		return // it keeps its place, its mark, and the hand
	}
	if len(s.keys) == s.size {
		s.evict()
	}
	s.keys = append(s.keys, k)
}

func (s *sieveModel) evict() {
	at := max(0, slices.Index(s.keys, s.hand))
	for s.read[s.keys[at]] {
		s.read[s.keys[at]] = false
		at = (at + 1) % len(s.keys)
	}
	s.hand = s.keys[at]
	s.remove(s.hand)
	s.evicted++
}

func (s *sieveModel) remove(k int) {
	at := slices.Index(s.keys, k)
	if at < 0 {
		return
	}
	if s.hand == k {
		s.hand = -1
		if at+1 < len(s.keys) {
			s.hand = s.keys[at+1]
		}
	}
	s.keys = slices.Delete(s.keys, at, at+1)
	delete(s.read, k)
}

func TestMemoryEvictsInTheOrderOfSieve(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 2))
	for range 50 {
		size := 1 + random.IntN(10)
		m, clk := memoryOf(size)
		model := &sieveModel{size: size, read: map[int]bool{}, hand: -1}
		for step := range 1000 {
			k := random.IntN(15)
			switch random.IntN(8) {
			case 0:
				require.NoError(t, m.Delete(t.Context(), k))
				model.remove(k)
			case 1, 2, 3:
				require.NoError(t, m.Set(t.Context(), k, lasting(clk, k, time.Hour)))
				model.set(k)
			default:
				require.Equal(t, model.get(k), has(t, m, k), "key %d in step %d", k, step)
			}
			require.Equal(t, len(model.keys), m.Len())
			require.Equal(t, model.evicted, m.Evicted())
		}
	}
}

func TestAnEntryThatIsSetAgainExpiresAtItsNewTime(t *testing.T) {
	m, clk := memoryOf(10)
	for k := range 3 {
		_ = m.Set(t.Context(), k, lasting(clk, k, time.Duration(1+k)*time.Hour))
	}
	_ = m.Set(t.Context(), 0, lasting(clk, 0, 5*time.Hour))
	_ = m.Set(t.Context(), 2, lasting(clk, 2, time.Minute))
	clk.Advance(time.Minute)
	_ = m.Set(t.Context(), 3, lasting(clk, 3, time.Hour))
	assert.False(t, has(t, m, 2))
	assert.Equal(t, 3, m.Len())
	clk.Advance(2 * time.Hour)
	_ = m.Set(t.Context(), 4, lasting(clk, 4, time.Hour))
	assert.False(t, has(t, m, 1) || has(t, m, 3))
	assert.True(t, has(t, m, 0) && has(t, m, 4))
}
