package bench

func init() { Scenarios = append(Scenarios, adaptiveScenarios...) }

// adaptiveScenarios are about limits that move.
var adaptiveScenarios = []Scenario{
	{
		Name: "AdaptivePermit", Title: "A permit of an adaptive limit of 1,000, taken and recorded by hand",
		Notes: map[string]string{"ductile-aimd": withTarget, "clock": twoReadings},
	},
	{
		Name: "AdaptiveCall", Title: "A whole call through an adaptive limit of 1,000",
		Notes: map[string]string{
			"ductile-aimd": withTarget,
			"clock":        twoReadings,
			"failsafe":     boundOnce + "; " + noContext,
		},
	},
	{
		Name: "AdaptiveFull", Title: "A full adaptive limit that refuses",
		Notes: map[string]string{"ductile": "refusals are counted", "failsafe": "by hand; nothing is counted"},
	},
}

const (
	withTarget  = "with a target: AIMD"
	twoReadings = "the two readings of the clock that a latency takes, and no limit"
)
