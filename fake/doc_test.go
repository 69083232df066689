package fake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

// TestRetriesTwice is the program of the package doc.
func TestRetriesTwice(t *testing.T) {
	clk := fake.NewClock(fake.AutoAdvance(), fake.For(t)) // a sleep moves time and returns at once
	call := fake.NewFunc[int]().Fail(errDown, errDown).Return(42)
	cfg := retry.Config{Clock: clk, Rand: fake.Rand(0.5)}

	v, err := retry.Do(t.Context(), cfg, call.Do)

	require.NoError(t, err)
	require.Equal(t, 42, v)
	require.Equal(t, []time.Duration{500 * time.Millisecond, time.Second}, clk.Sleeps())
}
