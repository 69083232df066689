// Package reporttest looks at the simulator's reports in a real browser. It exports nothing.
//
// The tests need chromium-headless-shell (or another Chromium) and, for axe-core, npm. They
// are skipped, with a notice at the end of their output, where these are missing. With
// DUCTILE_SHOTS=dir the tests write the pictures of docs/simulator.md (make shots).
package reporttest
