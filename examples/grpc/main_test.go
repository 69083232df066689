package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
)

func TestRetriesAboveAServiceConfigMultiplyUnlessDialOptionsTurnsItsOff(t *testing.T) {
	var out strings.Builder
	require.NoError(t, stacked(t.Context(), &out))
	assert.Contains(t, out.String(), "left on    12 requests\n")
	assert.Contains(t, out.String(), "off                      3 requests\n")
}

func TestAReplicaComesBackAtItsAddress(t *testing.T) {
	s, err := newSide(t.Context(), "", "round_robin", 1)
	require.NoError(t, err)
	defer s.close()
	call := func(ctx context.Context) error {
		_, err := s.client.UnaryCall(ctx, &tpb.SimpleRequest{})
		return err
	}
	require.NoError(t, call(t.Context()))
	for _, r := range s.replicas {
		require.NoError(t, becomes(silent)(t.Context(), r))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	assert.Equal(t, codes.DeadlineExceeded, status.Code(call(ctx)))
	for _, r := range s.replicas {
		addr := r.addr
		r.stop()
		require.NoError(t, becomes(well)(t.Context(), r))
		require.NoError(t, r.start(t.Context()))
		assert.Equal(t, addr, r.addr)
	}
	for err = call(t.Context()); err != nil; err = call(t.Context()) { // gRPC connects again
		require.Equal(t, codes.Unavailable, status.Code(err))
	}
	assert.EqualValues(t, s.served(), s.replicas[0].served.Load()+s.replicas[1].served.Load()+s.replicas[2].served.Load())
	assert.GreaterOrEqual(t, s.attempts.Load(), int64(3))
}

// outcome is a result of a hundred calls that took some time each.
func outcome(took time.Duration, succeeded int, attempts int64, third float64) result {
	r := result{succeeded: succeeded, attempts: attempts, third: third}
	for range 100 {
		r.took = append(r.took, took)
	}
	return r
}

// asTheyShouldBe returns results that the judge accepts.
func asTheyShouldBe() (results [][]result) {
	for range acts {
		results = append(results, []result{outcome(time.Second, 66, 100, 0.3), outcome(time.Millisecond, 100, 110, 0.3)})
	}
	return results
}

func TestPoliciesThatDoNotHelpAreFound(t *testing.T) {
	require.NoError(t, judge(asTheyShouldBe()))
	for want, spoil := range map[string]func([][]result){
		"all are well: 98.0 % of the calls":       func(r [][]result) { r[0][1].succeeded = 98 },
		"it is killed: 1.51 attempts":             func(r [][]result) { r[3][1].attempts = 151 },
		"slow: p99 is 2s":                         func(r [][]result) { r[1][1] = outcome(2*time.Second, 100, 100, 0) },
		"hung: 95.0 % succeeded without policies": func(r [][]result) { r[2][0].succeeded = 95 },
		"hung: p50 is 300ms":                      func(r [][]result) { r[2][1] = outcome(300*time.Millisecond, 100, 100, 0) },
		"back: the replica has 10 %":              func(r [][]result) { r[4][1].third = 0.1 },
	} {
		results := asTheyShouldBe()
		spoil(results)
		require.ErrorContains(t, judge(results), want)
	}
}

func TestTheTableHasALineForEachSideOfEachAct(t *testing.T) {
	var out strings.Builder
	table(&out, []*side{{title: "round_robin"}, {title: "with policies"}}, asTheyShouldBe())
	assert.Equal(t, 3+2*len(acts), strings.Count(out.String(), "\n"))
	assert.Contains(t, out.String(), "it hangs, connected   round_robin      100    66.0 %        1s        1s           1.00          30 %\n")
	assert.Contains(t, out.String(), "                      with policies    100   100.0 %       1ms       1ms           1.10          30 %\n")
}

func TestTheJournalNamesReplicas(t *testing.T) {
	j := &journal{begun: time.Now(), names: map[string]string{"a": "replica 2"}}
	j.mark("it hangs")
	j.tell(breaker.Transition{Name: "a", From: breaker.Closed, To: breaker.Open, Reason: breaker.ReasonSlowRate})
	j.tell(breaker.Transition{Name: "a", From: breaker.Open, To: breaker.Closed})
	var out strings.Builder
	j.print(&out)
	assert.Contains(t, out.String(), "s  -- it hangs\n")
	assert.Contains(t, out.String(), "s  replica 2: closed to open, slow_rate\n")
	assert.Contains(t, out.String(), "s  replica 2: open to closed\n")
}
