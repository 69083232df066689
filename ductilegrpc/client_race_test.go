//go:build race

package ductilegrpc_test

func init() { manyStreams = 2_000 } // the race detector makes a stream ten times as slow
