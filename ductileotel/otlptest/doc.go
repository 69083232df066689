// Package otlptest tests module ductileotel end to end: metrics and spans of a pipeline go
// by OTLP over HTTP to a receiver, which parses them. It is a module of its own, because
// the exporters need many others, and has nothing to import.
package otlptest
