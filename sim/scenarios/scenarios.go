// Package scenarios has well-known outages, each as a [sim.Scenario] and as the files that
// `ductile simulate` reads.
//
//	example, err := scenarios.Find("metastable-overload")
//	if err != nil {
//		return err
//	}
//	report, err := sim.Run(ctx, example.Scenario())
//	if err != nil {
//		return err
//	}
//	return report.WriteText(os.Stdout)
//
// The variant "plain" shows the outage. The variant "as_configured" has the policies that
// help, except for sinkhole: no policy of a client helps there. Four outages are those of
// marcbrooker/stability-sim: gc-spiral, sinkhole, cache-stampede and metastable-overload.
package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/ductile-go/ductile/internal/nearest"
	"github.com/ductile-go/ductile/sim"
)

//go:embed */outage.yaml */ductile.yaml */README.md
var files embed.FS

// Example is an outage with a name.
type Example struct {
	Name  string // as "retry-storm"
	Title string // what happens, in a few words
	make  func() sim.Scenario
}

// all is in the order in which the pages introduce them.
var all = []Example{
	{"metastable-overload", "A short slowdown, and retries keep the service down for good", metastableOverload},
	{"retry-storm", "Retries at two levels multiply the load of the third", retryStorm},
	{"gc-spiral", "A service that gets slower the more waits in it", gcSpiral},
	{"sinkhole", "A replica that fails fast attracts all requests", sinkhole},
	{"cache-stampede", "A cache is lost, and the database behind it cannot fill it again", cacheStampede},
	{"one-bad-replica", "One of ten replicas is slow, and nearly each page feels it", oneBadReplica},
	{"thundering-herd", "All come back at the moment that Retry-After named", thunderingHerd},
	{"cascading-timeouts", "The inner timeout is longer than the outer one, and workers wait for nothing", cascadingTimeouts},
}

// All returns the examples.
func All() []Example { return append([]Example(nil), all...) }

// Find returns the example of a name. Its error names the nearest, and all of them.
func Find(name string) (Example, error) {
	var names []string
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Example{}, fmt.Errorf("scenarios: there is no example %s%s (there are %s)", strconv.Quote(name), nearest.HintAfter("; ", name, names), strings.Join(names, ", "))
}

// Scenario returns the outage. Each call makes a new one.
func (e Example) Scenario() sim.Scenario { return e.make() }

// Files returns the files of the example: outage.yaml, ductile.yaml and README.md.
func (e Example) Files() fs.FS {
	sub, err := fs.Sub(files, e.Name)
	if err != nil {
		panic("scenarios: Example: " + err.Error()) // the zero Example
	}
	return sub
}

// File returns the text of one of the files.
func (e Example) File(name string) (string, error) {
	text, err := files.ReadFile(path.Join(e.Name, name))
	if err != nil {
		return "", fmt.Errorf("scenarios: example %s: %w", e.Name, err)
	}
	return string(text), nil
}
