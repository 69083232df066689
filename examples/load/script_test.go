package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPhasesFollowEachOtherByTheirParts(t *testing.T) {
	total := 0
	for _, p := range script {
		total += p.parts
	}
	length := time.Duration(total) * time.Second
	began := time.Duration(0)
	for i, p := range script {
		assert.Equal(t, i, at(began, length), p.name)
		began += time.Duration(p.parts) * time.Second
		assert.Equal(t, i, at(began-1, length), p.name)
	}
	assert.Equal(t, len(script)-1, at(began+time.Hour, length))
}

func TestTheScriptEndsWithAHealthyServer(t *testing.T) {
	for n := range int64(10) {
		assert.Equal(t, answers, script[len(script)-1].act(n))
	}
}
