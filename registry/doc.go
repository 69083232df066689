// Package registry keeps the policies of a program under their names, made from one
// declaration, and changes them while calls run.
//
//	r, err := registry.New(registry.Spec{
//		Circuits:  map[string]registry.CircuitSpec{"stripe": {}},
//		Pipelines: map[string]registry.PipelineSpec{"charge": {Retry: &registry.RetrySpec{}, Circuit: "stripe"}},
//	})
//	if err != nil {
//		return err // every fault at once, each with its path
//	}
//	charge, err := registry.Pipeline[*Session](r, "charge")
//	if err != nil {
//		return err // with the nearest name that is declared
//	}
//	session, err := charge.Do(ctx, createSession)
//
// The module ductileconfig reads a [Spec] from files, with the line of each fault, and
// applies them again when they change.
//
// A [Spec] declares circuits, budgets, bulkheads, limits and throttles under names, and
// pipelines that refer to them. A pipeline that is declared once serves every result type:
// [Pipeline] returns it for a T, as a [Live]. All types share what has a name of its own.
//
// [Registry.Apply] puts another Spec in force, all of it or, if it has a fault, nothing.
// What was returned before stays valid and follows: a Live runs its next call through the
// new policies, a circuit that is open stays open. Calls in flight end with what they began
// with, and count where they should. docs/registry.md in the repository says for each kind
// what a reload keeps.
//
// [Keyed] returns a [Family]: a pipeline for each host or tenant, with a circuit and limits
// of its own, in bounded memory.
package registry
