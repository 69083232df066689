// Package promtest tests module ductileprom, and the dashboard and the alert rules of
// docs/dashboards, with Prometheus' own parser and query engine. It exports nothing.
package promtest
