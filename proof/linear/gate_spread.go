//go:build !ductile_explore

package linear

import "github.com/ductile-go/ductile/bulkhead"

// spreads says that the gates of histories are spread over cells, those that are large
// enough.
const spreads = false

func spreadGate(*bulkhead.Gate) {}
