package bench

func init() {
	Scenarios = append(Scenarios, Scenario{
		Name: "Chaos", Title: "Chaos, switched off or not acting",
		Missing: "failsafe-go and the others, which have none",
		Notes: map[string]string{
			"ductile-none":    "a pipeline without policies",
			"ductile-pass":    "with the cheapest policy there can be, which calls the next",
			"ductile-off":     "with an injector that is off",
			"ductile-mix":     "with a mix of three injectors that are off",
			"ductile-missed":  "with an injector that is on, at a rate of 0: each call draws",
			"ductile-timeout": "a timeout alone",
			"ductile-both":    "a timeout, and inside of it an injector that is off",
			"byhand":          "an atomic flag and a draw of math/rand/v2; the flag is off",
		},
	})
}
