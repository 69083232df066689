//go:build !race

package explore

// programs is the number of random programs of which all interleavings are run.
const programs = 300
