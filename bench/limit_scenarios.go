package bench

func init() { Scenarios = append(Scenarios, limitScenarios...) }

// limitScenarios are about limits on calls in a time.
var limitScenarios = []Scenario{
	{
		Name: "LimitAllow", Title: "Tokens of a rate limit that are there, by hand",
		Notes: limitNotes,
	},
	{
		Name: "LimitRefused", Title: "Tokens of a rate limit that are not there, by hand",
		Missing: "uber, which has no way to ask: Take waits",
		Notes:   limitNotes,
	},
	{
		Name: "LimitCall", Title: "A whole call through a rate limit that has tokens",
		Notes: map[string]string{
			"clock":      oneReading,
			"xtime-wait": "x/time/rate's Wait, by hand",
			"failsafe":   boundOnce + "; " + noContext,
		},
	},
	{
		Name: "LimitCallRefused", Title: "A whole call through a rate limit that refuses",
		Notes: map[string]string{"clock": oneReading, "failsafe": boundOnce + "; " + noContext},
	},
}

const oneReading = "a reading of the clock alone"

var limitNotes = map[string]string{
	"clock":           oneReading,
	"ductile":         "grants and refusals are counted",
	"xtime":           "x/time/rate; nothing is counted",
	"uber":            "Take, which cannot refuse; nothing is counted",
	"failsafe-bursty": "twice the limit within a moment, at the ends of two periods; nothing is counted",
	"failsafe-smooth": "no burst; nothing is counted",
	"throttled":       "a store with keys behind it",
	"sethvargo":       "a store with keys behind it; whole periods, like failsafe-bursty",
}
