// Package ductileconfig reads the declaration of a registry, a registry.Spec, from files
// of YAML or JSON, from the environment, and from what other libraries have read.
//
//	sources := []ductileconfig.Source{ductileconfig.File("ductile.yaml"), ductileconfig.Env("DUCTILE")}
//	spec, err := ductileconfig.Load(sources...)
//	if err != nil {
//		log.Fatal(err) // all faults, each with its file, line and column
//	}
//	r, err := registry.New(spec)
//	if err != nil {
//		log.Fatal(err)
//	}
//	go ductileconfig.Watch(ctx, r, ductileconfig.WatchConfig{SIGHUP: true}, sources...)
//
// A file has the sections and fields of registry.Spec in snake_case:
//
//	circuits:
//	  stripe: {window: 10s, failure_rate: 50%, recovery_timeout: 30s}
//	budgets:
//	  outbound: {ratio: 10%}
//	pipelines:
//	  charge:
//	    total_timeout: 10s
//	    retry: {max_attempts: 3, budget: outbound}
//	    circuit: stripe
//	    attempt_timeout: 3s
//
// Durations have a unit, shares are 0.5 or 50%, and special values have words: none,
// unlimited, at_once. {} means all defaults, and null removes what an earlier source set.
// "extends: NAME" begins with the values of another declaration or anchor. All fields are
// in docs/configuration.md, and in the JSON Schema that [Schema] returns.
package ductileconfig
