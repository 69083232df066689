package bench

func init() { Scenarios = append(Scenarios, gateScenarios...) }

// gateScenarios are about limits on calls at a time.
var gateScenarios = []Scenario{
	{
		Name: "GateFree", Title: "A place in a gate of 1,000, taken and given back by hand",
		Notes: gateNotes,
	},
	{
		Name: "GateCall", Title: "A whole call through a gate of 1,000",
		Notes: map[string]string{
			"ductile-small": "a gate of 10, too small to be spread over cells",
			"ductile-queue": "with a queue, a bound on waits and priorities",
			"xsync":         "by hand, with defer",
			"channel":       "by hand, with defer",
			"failsafe":      boundOnce + "; " + noContext,
		},
	},
	{
		Name: "GateFull", Title: "A full gate that refuses",
		Notes: map[string]string{
			"xsync":   "TryAcquire, which returns a bool; nothing is counted",
			"channel": "a select with a default; nothing is counted",
			"ductile": "refusals are counted",
			"ductile-queue": "with a queue, which is full: it may hold a call to displace, so its lock is taken; refusals are " +
				"counted",
			"failsafe": "by hand; nothing is counted",
		},
	},
	{
		Name: "GateCrowd", Title: "16 callers for 2 places, who wait for each other",
		Notes: gateNotes,
	},
}

var gateNotes = map[string]string{
	"xsync":    "x/sync/semaphore; no bound on the queue",
	"channel":  "a buffered channel and a select on the context; no bound on the queue",
	"failsafe": "no bound on the queue",
}
