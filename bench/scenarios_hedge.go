package bench

func init() {
	Scenarios = append(Scenarios,
		Scenario{
			Name: "HedgeInTime", Title: "Hedge, the first attempt is back long before the delay",
			Notes: hedgeNotes,
		},
		Scenario{
			Name: "HedgeWaited", Title: "The same, the callee selects on Done",
			Notes: hedgeNotes,
		},
	)
}

var hedgeNotes = map[string]string{
	"ductile-hedge":   "a given delay, no budget",
	"ductile-budget":  "a given delay, a budget of its own",
	"ductile-learned": "a learned delay, a budget of its own",
	"ductile-abandon": "a given delay, no budget, the first attempt on a goroutine of its own",
	"byhand":          "a goroutine for each attempt, a channel and a timer; no budget",
	"timer":           "the callee between time.AfterFunc and its Stop: what no hedge of real time does without",
	"failsafe-hedge":  boundOnce + "; " + noContext + "; no budget",
	"failsafe-ctx":    boundOnce + "; no budget",
}
