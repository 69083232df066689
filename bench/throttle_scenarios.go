package bench

func init() { Scenarios = append(Scenarios, throttleScenarios...) }

// throttleScenarios are about client-side throttling.
var throttleScenarios = []Scenario{
	{
		Name: "ThrottleCall", Title: "A whole call through a throttle that has rejected nothing",
		Notes: throttleNotes,
	},
	{
		Name: "ThrottleTense", Title: "The same, after some failures, fewer than would have calls rejected",
		Notes: throttleNotes,
	},
	{
		Name: "ThrottleByHand", Title: "A throttle asked by hand, and told of a success",
		Notes: map[string]string{
			"ductile":  "a permit, recorded once",
			"failsafe": "TryAcquirePermit and RecordSuccess, which may be told of any number of calls",
		},
	},
	{
		Name: "ThrottleRejecting", Title: "A throttle that rejects nearly all calls, which would fail",
		Notes: throttleNotes,
	},
}

var throttleNotes = map[string]string{
	"clock":            oneReading,
	"ductile-classes":  "after calls of two priorities",
	"failsafe":         boundOnce + "; " + noContext + "; no priorities; what is rejected is not counted",
	"go-zero":          "its breaker, which has the same formula; no priorities; " + noResult,
	"ductile-pipeline": "in a pipeline",
}
