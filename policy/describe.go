package policy

import (
	"fmt"
	"strings"
)

// Description describes a policy, for tests, logs and status pages. A policy returns
// its own from a method
//
//	Describe() policy.Description
//
// Config is the effective config, with defaults filled in. In JSON, durations are in
// nanoseconds, and the configs of this module omit functions, clocks and random
// sources.
type Description struct {
	Kind   string        `json:"kind"`             // "retry"; for a policy without a Describe method, see [Describe]
	Name   string        `json:"name,omitempty"`   // the policy's own name
	Detail string        `json:"detail,omitempty"` // what String shows besides the name, such as a limit
	Config any           `json:"config,omitempty"`
	Inner  []Description `json:"inner,omitempty"` // the policies of a pipeline, outermost first
}

// String returns the kind with the name and the detail in parentheses, "retry(charge,
// 3)". For a pipeline it returns the policies, "retry(3) > breaker(stripe)".
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

// inner joins the inner descriptions. A nested pipeline is shown in parentheses after
// its name.
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

// Describe returns the description of any policy. Without a Describe method, that is
// the result of its String method or else its type.
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

// String returns the policies, outermost first, "retry(3) > breaker(stripe)", or
// "pass-through" if there are none.
func (c *Chain[T]) String() string { return c.Describe().String() }
