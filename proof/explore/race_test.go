//go:build race

package explore

// programs is the number of random programs of which all interleavings are run. The race
// detector makes each a hundred times as slow; make prove runs without it.
const programs = 20
