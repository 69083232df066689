package policy

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asking is a policy of this module that emits one kind on its slow path, and notes what
// its call says of observers.
type asking struct {
	promptly
	kinds  []EventKind
	wanted *[]bool
}

func (a asking) Execute(ctx context.Context, next Call[int]) (int, error) {
	*a.wanted = append(*a.wanted, next.HasObservers())
	for _, k := range a.kinds {
		*a.wanted = append(*a.wanted, next.Observed(k))
	}
	return next.Do(ctx)
}

func asked(t *testing.T, a asking, kinds ...EventKind) (wanted []bool) {
	t.Helper()
	a.wanted = &wanted
	var listeners []Listener
	if kinds != nil {
		listeners = []Listener{{Observe: func(context.Context, Event) {}, Kinds: kinds}}
	}
	_, err := NewChain("", listeners, Policy[int](a)).Call(func(context.Context) (int, error) { return 1, nil }).Do(t.Context())
	require.NoError(t, err)
	return wanted
}

func TestHasObserversIfOneMayWantAKindThatThePolicyEmits(t *testing.T) {
	judging := asking{promptly: promptly{Emits: []string{string(Judged)}}}
	assert.Equal(t, []bool{true}, asked(t, judging, Judged))
	assert.Equal(t, []bool{true}, asked(t, judging, Started, Judged))
	assert.Equal(t, []bool{false}, asked(t, judging, StateChanged))
	assert.Equal(t, []bool{false}, asked(t, judging))
	assert.Equal(t, []bool{true}, asked(t, asking{}, StateChanged))
	assert.Equal(t, []bool{false}, asked(t, asking{}))
}

func TestEveryKindThatIsWantedIsObserved(t *testing.T) {
	kinds := []EventKind{"", "a", "z", "é"}
	for first := 'a'; first <= 'z'; first++ {
		for last := 'a'; last <= 'z'; last++ {
			kinds = append(kinds, EventKind([]rune{first, last}))
		}
	}
	for _, k := range kinds {
		assert.Equal(t, []bool{true, true}, asked(t, asking{kinds: []EventKind{k}}, k), k)
	}
}

func TestAKindThatSharesABitWithAWantedOneIsNotObserved(t *testing.T) {
	same := map[uint64]EventKind{}
	for n := range 300 {
		k := EventKind(fmt.Sprintf("kind_%d", n))
		other, ok := same[bit(k)]
		if !ok {
			same[bit(k)] = k
			continue
		}
		assert.Equal(t, []bool{true, false, true}, asked(t, asking{kinds: []EventKind{other, k}}, k))
	}
	assert.Less(t, len(same), 300)
}
