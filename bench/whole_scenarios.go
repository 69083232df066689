package bench

func init() { Scenarios = append(Scenarios, wholeScenarios...) }

// wholeScenarios are about calls through every policy there is, in the recommended order, of
// which none has anything to do.
var wholeScenarios = []Scenario{
	{
		Name: "WholeBypassed", Title: "Every policy at once, all healthy; the cache has no key for the call",
		Notes: wholeNotes,
	},
	{
		Name: "WholeHit", Title: "Every policy at once, all healthy; the cache answers",
		Notes: wholeNotes,
	},
}

var wholeNotes = map[string]string{
	"ductile": "fallback, cache, coalesce, total timeout, retry, hedge, breaker, throttle, rate limit, attempt timeout, bulkhead, " +
		"adaptive limit, and chaos that is switched off",
	"ductile-same": "those of them that failsafe-go has: no coalesce, no chaos",
	"failsafe":     "no coalesce, no chaos; a map behind a mutex for a cache, which forgets nothing; " + boundOnce + "; " + noContext,
}
