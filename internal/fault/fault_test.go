package fault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/fault"
)

func TestAnEmptyListIsNoError(t *testing.T) {
	faults := fault.Of("retry: Config")
	faults.NotNegative("MaxDelay", 0)
	faults.In("Retry", nil)
	assert.NoError(t, faults.Err())
}

func TestEveryFaultIsReportedInOrder(t *testing.T) {
	faults := fault.Of("retry: Config")
	faults.NotNegative("MaxDelay", -time.Second)
	faults.Add("MaxAttempts", -3, "Unlimited (-1), or 0 or more")
	faults.Add("JitterFactor", 0.5, "needs BaseDelay")
	assert.EqualError(t, faults.Err(), "retry: Config.MaxDelay is -1s, want 0 or more\n"+
		"retry: Config.MaxAttempts is -3, want Unlimited (-1), or 0 or more\n"+
		"retry: Config.JitterFactor is 0.5 but needs BaseDelay")
}

func TestNestedFaultsNameTheOuterTypeAndThePath(t *testing.T) {
	inner := fault.Of("retry: Config")
	inner.Add("MaxAttempts", -3, "0 or more")
	inner.NotNegative("MaxDelay", -1)
	middle := fault.Of("pipeline: StandardConfig")
	middle.In("Retry", inner.Err())
	outer := fault.Of("ductilehttp: Config")
	outer.In("", middle.Err())

	assert.EqualError(t, outer.Err(), "ductilehttp: Config.Retry.MaxAttempts is -3, want 0 or more\n"+
		"ductilehttp: Config.Retry.MaxDelay is -1ns, want 0 or more")
	first, ok := errors.AsType[*fault.Error](outer.Err())
	require.True(t, ok)
	assert.Equal(t, "Retry.MaxAttempts", first.Field)
	assert.Equal(t, -3, first.Value)
}

func TestAnErrorOfAnotherKindIsWrappedBesideItsField(t *testing.T) {
	cause := errors.New("breaker: circuit is nil")
	faults := fault.Of("pipeline: StandardConfig")
	faults.In("Circuit", cause)
	assert.EqualError(t, faults.Err(), "pipeline: StandardConfig.Circuit: breaker: circuit is nil")
	assert.ErrorIs(t, faults.Err(), cause)
}

func TestFaultsCanBeHadApart(t *testing.T) {
	assert.Empty(t, fault.All(nil))
	cause := errors.New("retry: budget is gone")
	inner := fault.Of("retry: Config")
	inner.Add("MaxAttempts", -3, "0 or more")
	outer := fault.Of("pipeline: StandardConfig")
	outer.In("Retry", inner.Err())
	all := fault.All(errors.Join(outer.Err(), cause))
	require.Len(t, all, 2)
	assert.Equal(t, "Retry.MaxAttempts", all[0].Field)
	assert.Equal(t, -3, all[0].Value)
	assert.Equal(t, "0 or more", all[0].Want)
	assert.Empty(t, all[1].Field)
	assert.Equal(t, cause, all[1].Err)
}
