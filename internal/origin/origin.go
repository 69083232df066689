// Package origin lets our packages check that a value of another one comes from its
// constructor, without an exported method for it.
package origin

// Circuit returns nil if c, a *breaker.Circuit, was made by NewCircuit, and an error that
// says what is wrong if it is nil or zero. Package breaker sets it when it is initialized.
var Circuit func(c any) error
