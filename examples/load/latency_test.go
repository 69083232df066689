package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestABucketIsAtMostOneSixteenthTooLong(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 15, 16, 17, 31, 32, 33, 1000, time.Millisecond, time.Hour, math.MaxInt64} {
		assert.GreaterOrEqual(t, top(bucket(d)), d)
		assert.LessOrEqual(t, float64(top(bucket(d))), float64(d)*(1+1./fine))
	}
	assert.Zero(t, bucket(-1))
}

func TestBucketsAreContiguous(t *testing.T) {
	for i := range bucket(time.Hour) {
		assert.Equal(t, i, bucket(top(i)))
		assert.Equal(t, i+1, bucket(top(i)+1))
	}
}

func TestQuantilesOfAHundredDurations(t *testing.T) {
	var l latencies
	assert.Zero(t, l.quantile(0.5))
	for i := range 100 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	assert.InEpsilon(t, 50*time.Millisecond, l.quantile(0.5), 1./fine)
	assert.InEpsilon(t, 99*time.Millisecond, l.quantile(0.99), 1./fine)
	assert.InEpsilon(t, 100*time.Millisecond, l.quantile(1), 1./fine)
}
