package bench

func init() {
	Scenarios = append(Scenarios, Scenario{
		Name: "Live", Title: "The four policies in a registry, which may change while calls run",
		Missing: "failsafe-go and the others, which have no registry",
		Notes: map[string]string{
			"ductile":             "a pipeline that cannot change",
			"ductile-live":        "the same from a registry",
			"ductile-observed":    "a pipeline that cannot change, with an observer of all events that does nothing",
			"ductile-live-all":    "the same from a registry",
			"ductile-inside":      "the observed pipeline inside another pipeline with such an observer",
			"ductile-live-inside": "the same from a registry",
			"ductile-member":      "a member of a family, looked up for each call",
		},
	})
}
