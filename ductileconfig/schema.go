package ductileconfig

import (
	"slices"
	"sync"

	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/schema"
)

// schemaID is where the schema is published.
const schemaID = "https://raw.githubusercontent.com/ductile-go/ductile/main/docs/ductile.schema.json"

var schemaText = sync.OnceValue(func() []byte {
	return schema.Of(facts.Spec(), schemaID, "Resilience policies of ductile")
})

// Schema returns the JSON Schema, draft 2020-12, of what [Load] reads, for editors and for
// checks without Go. It has every field, with a description and its default. Load checks
// more: references, and values that do not fit together. An editor finds it by the
// first line of a file:
//
//	# yaml-language-server: $schema=https://raw.githubusercontent.com/ductile-go/ductile/main/docs/ductile.schema.json
func Schema() []byte { return slices.Clone(schemaText()) }
