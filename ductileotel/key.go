package ductileotel

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/ductile-go/ductile/observe"
)

// kind is the number of an instrument, or of another kind of table entry.
type kind uint8

const (
	callDuration kind = iota
	attemptDuration
	callAttempts
	retryDelay
	rejections
	callActive
	circuitCalls
	circuitTransitions
	queueWait
	kinds         int = iota
	errorTypeName     = kind(iota - 1) // an error type that a pipeline tells apart
	operationName                      // an operation that a pipeline tells apart
)

// key identifies a series. It has the values of the attributes that its instrument has,
// and "" for those that are absent. more tells the sets of WithAttributes apart.
type key struct {
	kind
	pipeline, policy, policyType, circuit string
	outcome, rescue, errorType, operation string
	variant                               string // attempt.type, source, reason, slow, or from
	to                                    string
	more                                  attribute.Distinct
}

// cloned returns a copy that shares no memory with strings of a caller, which may be small
// parts of large ones.
func (k *key) cloned() key {
	c := *k
	for _, s := range []*string{
		&c.pipeline, &c.policy, &c.policyType, &c.circuit, &c.outcome,
		&c.rescue, &c.errorType, &c.operation, &c.variant, &c.to,
	} {
		*s = strings.Clone(*s)
	}
	return c
}

// ofPipeline reports whether the series has the attribute ductile.pipeline.name.
func (k kind) ofPipeline() bool {
	switch k {
	case circuitCalls, circuitTransitions, queueWait:
		return false
	}
	return true
}

// attributes returns the attributes of a series.
func (k *key) attributes() []attribute.KeyValue {
	var all []attribute.KeyValue
	add := func(label, value string) { all = append(all, labelled(label, value)) }
	optional := func(label, value string) {
		if value != "" {
			add(label, value)
		}
	}
	if k.ofPipeline() {
		add(observe.LabelPipeline, k.pipeline)
	}
	optional(observe.LabelPolicy, k.policy)
	optional(observe.LabelPolicyType, k.policyType)
	optional(observe.LabelCircuit, k.circuit)
	optional(observe.LabelOutcome, k.outcome)
	optional(observe.LabelRescue, k.rescue)
	optional(observe.LabelErrorType, k.errorType)
	optional(observe.LabelOperation, k.operation)
	switch k.kind {
	case attemptDuration:
		add(observe.LabelAttemptType, k.variant)
	case retryDelay:
		add(observe.LabelSource, k.variant)
	case rejections:
		add(observe.LabelReason, k.variant)
	case circuitCalls:
		add(observe.LabelSlow, k.variant)
	case circuitTransitions:
		add(observe.LabelFrom, k.variant)
		add(observe.LabelTo, k.to)
	}
	return all
}

// labelled returns the attribute of a label of package observe. Bytes that are not UTF-8 are
// replaced: an exporter of OTLP refuses all that it has to send if one text is not.
func labelled(label, value string) attribute.KeyValue {
	value = valid(value)
	if label == observe.LabelErrorType || label == observe.LabelOverflow {
		return attribute.String(label, value)
	}
	return attribute.String("ductile."+label, value)
}

// valid returns a text with U+FFFD for bytes that are not UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
