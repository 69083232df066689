//go:build race

package ductilegrpc_test

func init() { manyStreams = 1_000 } // the race detector makes a stream ten times as slow
