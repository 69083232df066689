package policy

import (
	"fmt"
	"strings"
)

// Description says what a policy is. A policy describes itself by a method
//
//	Describe() policy.Description
//
// and its String method, if it has one, returns the same in one line. Config is the
// policy's effective config, with the defaults filled in. Functions, clocks and
// random sources of ductile's own configs are left out of JSON, where durations are
// in nanoseconds.
type Description struct {
	Kind   string        `json:"kind"`             // "retry"; for a policy that does not describe itself, its type
	Name   string        `json:"name,omitempty"`   // the policy's own name
	Detail string        `json:"detail,omitempty"` // what String shows besides: the number of attempts, a limit
	Config any           `json:"config,omitempty"`
	Inner  []Description `json:"inner,omitempty"` // of a pipeline, outermost first
}

// String returns the kind, with the name and the detail in parentheses:
// "retry(charge, 3)". A pipeline is its policies, "retry(3) > breaker(stripe)".
func (d Description) String() string {
	if d.Kind == pipelineKind {
		return d.inner()
	}
	var inside []string
	for _, s := range []string{d.Name, d.Detail, d.inner()} {
		if s != "" && s != passThrough {
			inside = append(inside, s)
		}
	}
	if len(inside) == 0 {
		return d.Kind
	}
	return d.Kind + "(" + strings.Join(inside, ", ") + ")"
}

const (
	pipelineKind = "pipeline"
	passThrough  = "pass-through"
)

// inner joins the descriptions inside. A pipeline among them is put in
// parentheses, after its name.
func (d Description) inner() string {
	if len(d.Inner) == 0 {
		return passThrough
	}
	parts := make([]string, len(d.Inner))
	for i, in := range d.Inner {
		parts[i] = in.String()
		if in.Kind == pipelineKind {
			parts[i] = in.Name + "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " > ")
}

// Describe returns the description of any policy. One that does not describe
// itself is described by its String method, or else by its type.
func Describe(p any) Description {
	switch p := p.(type) {
	case interface{ Describe() Description }:
		return p.Describe()
	case fmt.Stringer:
		return Description{Kind: p.String()}
	}
	name, _, _ := strings.Cut(fmt.Sprintf("%T", p), "[")
	return Description{Kind: name}
}

// Describe returns the chain's name and policies, outermost first.
func (c *Chain[T]) Describe() Description {
	d := Description{Kind: pipelineKind, Name: c.name}
	for _, p := range c.policies {
		d.Inner = append(d.Inner, Describe(p))
	}
	return d
}

// String describes the policies, outermost first: "retry(3) > breaker(stripe)", or
// "pass-through" if there are none.
func (c *Chain[T]) String() string { return c.Describe().String() }
