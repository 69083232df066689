package bench

func init() {
	Scenarios = append(Scenarios,
		Scenario{Name: "CacheHit", Title: "Cache, the value is fresh", Notes: cacheNotes},
		Scenario{
			Name: "CacheStale", Title: "Cache, the value is stale and its refresh has failed not long ago", Notes: cacheNotes,
			Missing: "failsafe-go and otter alone, which have no stale values",
		},
	)
}

var cacheNotes = map[string]string{
	"ductile":      "the built-in store",
	"ductileotter": "the store of module ductileotter",
	"failsafe":     "a map behind a sync.RWMutex, whose entries have no end; " + boundOnce + "; " + noContext,
	"otter":        "GetIfPresent alone, entries have no end: no function, no context",
	"otter-expiry": "GetIfPresent alone: no function, no context",
	"sturdyc":      "no eviction goroutine",
	"sync.Map":     "Load alone, entries have no end",
	"rwmutex":      "a map behind a sync.RWMutex alone, entries have no end",
}
