// Package browsertest tests package console in a real browser. It exports nothing.
//
// The tests need chromium-headless-shell (or another Chromium) and, for axe-core, npm. They
// are skipped, with a notice at the end of their output, where these are missing; .ci/run
// installs them. With DUCTILE_SHOTS=1 the tests write the screenshots of docs/console.md.
package browsertest
