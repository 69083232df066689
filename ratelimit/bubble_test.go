package ratelimit

import (
	"context"
	"runtime/pprof"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
)

func TestEachBubbleHasItsOwnNumber(t *testing.T) {
	for _, setting := range []string{"tracebacklabels=0", "tracebacklabels=1"} {
		t.Run(setting, func(t *testing.T) {
			t.Setenv("GODEBUG", setting)
			seen := map[uint64]bool{}
			pprof.Do(t.Context(), pprof.Labels("user", "1, 2]", "synctest bubble ", "7"), func(context.Context) {
				assert.Zero(t, bubble(), "outside of bubbles")
				for range 12 {
					synctest.Test(t, func(t *testing.T) {
						assert.NotZero(t, bubble())
						seen[bubble()] = true
					})
				}
			})
			assert.Len(t, seen, 12)
		})
	}
}
