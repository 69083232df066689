// Package schematest validates the JSON Schema of package ductileconfig with the schema
// library of Santhosh Tekuri. It is a module of its own so that users of ductileconfig do
// not depend on it.
package schematest
