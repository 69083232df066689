package docs_test

// apart are the methods and fields whose types differ from those of the same name.
var apart = map[string]string{
	"chaos.Mixture.Snapshot":             "one of each injector in it",
	"ductilehttp.Client.Do":              "a request and where its answer goes, in place of a function",
	"ductilehttp.HandlerConfig.Priority": "is asked before the request has a context of its own",
	"ductilegrpc.ServerConfig.Priority":  "depends on the method, too",
	"fake.Func.Do":                       "is itself the function",
	"keyed.Map.Reconfigure":              "its Config has functions, which do not change; a bound out of range panics",
	"policy.Call.Do":                     "is itself the function",
}

// without are the methods that a type does without.
var without = map[string]string{
	"ductileconfig.Error.Unwrap":  "is about a value, and no error caused it",
	"registry.Error.Unwrap":       "is about a value, and no error caused it",
	"registry.Registry.Name":      "a program has one",
	"observe.Stats.Name":          "a program has one",
	"pipeline.Pipeline.Clock":     "each policy has its own",
	"policy.CheckPolicy.Clock":    "waits for nothing",
	"policy.FallbackPolicy.Clock": "waits for nothing",
	"policy.SelectPolicy.Clock":   "waits for nothing",
}
