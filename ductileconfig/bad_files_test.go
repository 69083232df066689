package ductileconfig_test

// badFile is a text with the messages of all faults in it, in order.
type badFile struct {
	name string
	text string
	want []string
}

// badFiles are files whose faults are of their form, of what they refer to, or of values that do
// not fit together.
var badFiles = []badFile{
	{"ExtendsOfAnUnknownName", "defaults: {circuit: &usual {window: 10s}}\ncircuits:\n  a: {extends: usaul}\n", []string{
		"ductile.yaml:3:16: circuits.a.extends is usaul, want the name of an anchor or of another of circuits, did you mean usual?",
	}},
	{"ExtendsOfItself", "circuits:\n  a: {extends: a}\n", []string{
		"ductile.yaml:2:16: circuits.a.extends: a cycle: a extends what extends it",
	}},
	{"ExtendsInACircle", "circuits:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n", []string{
		"ductile.yaml:4:16: circuits.a.extends: a cycle: a extends what extends it",
	}},
	{"ExtendsOfAMapping", "circuits:\n  a: {extends: {window: 10s}}\n", []string{
		"ductile.yaml:2:16: circuits.a.extends is a mapping, want the name of an anchor or of another of circuits",
	}},
	{"ExtendsOfANull", "circuits:\n  a: {extends: b}\n  b: null\n", []string{
		"ductile.yaml:2:16: circuits.a.extends: b is null, so it cannot be extended",
	}},
	{"ExtendsAtTheTop", "extends: usual\n", []string{
		"ductile.yaml:1:1: extends: unknown field",
	}},
	{"AFaultInWhatOthersExtend", "defaults:\n  circuit: &usual {window: 10}\ncircuits:\n  a: {extends: usual}\n  b: {<<: *usual}\n", []string{
		"ductile.yaml:2:28: defaults.circuit.window is 10, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 10s?",
	}},
	{"AnUnknownFieldInDefaults", "defaults:\n  circuit: {windw: 10s}\n", []string{
		"ductile.yaml:2:13: defaults.circuit.windw: unknown field, did you mean window?",
	}},
	{"AnUnknownFieldInWhatIsExtendedOnly", "defaults:\n  usual: {windw: 10s}\ncircuits:\n  a: {extends: usual}\n", []string{
		"ductile.yaml:2:11: circuits.a.windw: unknown field, did you mean window?",
	}},
	{"DefaultsThatAreAList", "defaults: [a]\n", []string{
		"ductile.yaml:1:11: defaults is a list, want a mapping",
	}},
	{"AnUnknownAlias", "circuits:\n  a: *usual\n", []string{
		"ductile.yaml:2:6: unknown anchor usual; an anchor &usual stands above its first use",
	}},
	{"AnAliasInsideOfItself", "circuits:\n  a: &a {window: *a}\n", []string{
		"ductile.yaml:2:18: circuits.a.window: the alias *a stands inside of its own anchor",
	}},
	{"AMergeOfAWord", "circuits:\n  a:\n    <<: usual\n", []string{
		"ductile.yaml:3:9: circuits.a.<< is usual, want a mapping, or a list of mappings; write <<: *name",
	}},
	{"AMergeOfAListWithAWord", "circuits:\n  a: &a {window: 10s}\n  b:\n    <<: [*a, usual]\n", []string{
		"ductile.yaml:4:14: circuits.b.<< is usual, want a mapping, or a list of mappings; write <<: *name",
	}},
	{"AFieldThatAMergeBrings", "defaults:\n  retry: &r {attempts: 3}\npipelines:\n  p:\n    retry:\n      <<: *r\n", []string{
		"ductile.yaml:2:14: defaults.retry.attempts: unknown field, did you mean max_attempts?",
	}},
	{"AList", "- a\n- b\n", []string{
		"ductile.yaml:1:1: the document is a list, want a mapping with sections such as circuits and pipelines",
	}},
	{"AWord", "hello\n", []string{
		"ductile.yaml:1:1: the document is a single value, want a mapping with sections such as circuits and pipelines",
	}},
	{"TwoDocuments", "circuits: {}\n---\ncircuits: {}\n", []string{
		"ductile.yaml:2:1: a second document begins here, want one; put it in a file of its own and load both",
	}},
	{"ASecondDocumentThatIsNoYAML", "circuits: {}\n---\na: [\n", []string{
		"ductile.yaml:3: not valid YAML: did not find expected node content",
	}},
	{"ATabAsIndentation", "circuits:\n\ta: {}\n", []string{
		"ductile.yaml:2: not valid YAML: found character that cannot start any token; indent with spaces: YAML allows no tabs there",
	}},
	{"AValueBehindAValue", "circuits:\n  a: window: 10s\n", []string{
		"ductile.yaml:2: not valid YAML: mapping values are not allowed in this context",
	}},
	{"AnOpenBrace", "circuits:\n  a: {window: 10s\n  b: {}\n", []string{
		"ductile.yaml:2: not valid YAML: did not find expected ',' or '}'",
	}},
	{"AnOpenQuote", "circuits:\n  a: 'x\n", []string{
		"ductile.yaml:2: not valid YAML: found unexpected end of stream",
	}},
	{"ABadEscape", "circuits:\n  \"\\q\": {}\n", []string{
		"ductile.yaml:2: not valid YAML: found unknown escape character",
	}},
	{"ACommaTooMany", "{\"circuits\": {},,}\n", []string{
		"ductile.yaml:1: not valid YAML: did not find expected node content",
	}},
	{"AByteThatIsNotUTF8", "circuits:\n  a: {}\n  \xff: {}\n", []string{
		"ductile.yaml:3:3: the byte 0xff is not UTF-8; save the file as UTF-8",
	}},
	{"ANulByte", "circuits:\n  a\x00: {}\n", []string{
		"ductile.yaml:2:4: the control character U+0000 is not allowed",
	}},
	{"ATag", "circuits:\n  a: !circuit {}\n", []string{
		"ductile.yaml:2:6: circuits.a: the tag !circuit is not supported; remove it",
	}},
	{"ATagOfYAML", "circuits:\n  a:\n    min_calls: !!int \"20\"\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls: the tag !!int is not supported; remove it",
	}},
	{"WindowsLineEnds", "circuits:\r\n  a:\r\n    windw: 10s\r\n", []string{
		"ductile.yaml:3:5: circuits.a.windw: unknown field, did you mean window?",
	}},
	{"AByteOrderMark", "\ufeffcircits: {}\n", []string{
		"ductile.yaml:1:1: circits: unknown field, did you mean circuits?",
	}},
	{"JSONWithTabs", "{\n\t\"circuits\": {\n\t\t\"a\": {\n\t\t\t\"windw\": \"10s\"\n\t\t}\n\t}\n}\n", []string{
		"ductile.yaml:4:4: circuits.a.windw: unknown field, did you mean window?",
	}},
	{"CharactersOfManyBytes", "circuits: {zürich: {window: 10s, windw: 1s}}\n", []string{
		"ductile.yaml:1:34: circuits.zürich.windw: unknown field, did you mean window?",
	}},
	{"SeveralFaultsAtOnce", "circuits:\n  stripe:\n    failure_rate: 7\n    recovery_timout: 60s\npipelines:\n  charge:\n    retry: {max_attempts: 0}\n", []string{
		"ductile.yaml:3:19: circuits.stripe.failure_rate is 7, want 0 to 1 (or 0% to 100%)",
		"ductile.yaml:4:5: circuits.stripe.recovery_timout: unknown field, did you mean recovery_timeout?",
		"ductile.yaml:7:27: pipelines.charge.retry.max_attempts is 0, want a whole number, 1 or more, or unlimited; leave it out for the default, 3",
	}},
	{"ALimitThatIsMissing", "bulkheads:\n  db: {max_queue: 5}\n", []string{
		"ductile.yaml:2:3: bulkheads.db.limit is not set, want 1 to 2147483647",
	}},
	{"AWaitWithoutAQueue", "bulkheads:\n  db: {limit: 5, max_wait: 1s}\n", []string{
		"ductile.yaml:2:28: bulkheads.db.max_wait is 1s but needs max_queue: without it no call waits",
	}},
	{"ARateWithoutAWindow", "circuits:\n  a: {failure_rate: 50%}\n", []string{
		"ductile.yaml:2:21: circuits.a.failure_rate is 50% but needs window or window_calls",
	}},
	{"TwoWaysToJudgeProbes", "circuits:\n  a: {probe_calls: 3, success_threshold: 2}\n", []string{
		"ductile.yaml:2:42: circuits.a.success_threshold is 2, want it left out with probe_calls: half-open is judged by the one or the other",
	}},
	{"ADelayBeyondItsBound", "pipelines: {p: {retry: {base_delay: 10s, max_delay: 1s}}}\n", []string{
		"ductile.yaml:1:37: pipelines.p.retry.base_delay is 10s, want at most max_delay, 1s",
	}},
	{"AnUnknownCircuit", "circuits: {stripe: {}}\npipelines:\n  charge: {circuit: strip}\n", []string{
		"ductile.yaml:3:21: pipelines.charge.circuit is strip, want a circuit that is declared, did you mean stripe?",
	}},
	{"AnUnknownBudget", "budgets: {outbound: {}}\npipelines:\n  charge:\n    retry: {budget: outbond}\n", []string{
		"ductile.yaml:4:21: pipelines.charge.retry.budget is outbond, want a budget that is declared, did you mean outbound?",
	}},
	{"AnUnknownBulkhead", "pipelines: {p: {bulkhead: db}}\n", []string{
		"ductile.yaml:1:27: pipelines.p.bulkhead is db, want a bulkhead that is declared",
	}},
	{"AnUnknownPipelineOfAFamily", "pipelines: {charge: {}}\nfamilies: {hosts: {pipeline: chrage}}\n", []string{
		"ductile.yaml:2:30: families.hosts.pipeline is chrage, want a pipeline that is declared, did you mean charge?",
	}},
	{"AFamilyWithoutAPipeline", "families: {hosts: {circuit: {}}}\n", []string{
		"ductile.yaml:1:12: families.hosts.pipeline is not set, want the pipeline of the members",
	}},
	{"APipelineInACircle", "pipelines:\n  a: {pipeline: b}\n  b: {pipeline: a}\n", []string{
		"ductile.yaml:2:17: pipelines.a.pipeline is b, want no cycle: a > b > a",
		"ductile.yaml:3:17: pipelines.b.pipeline is a, want no cycle: b > a > b",
	}},
	{"ACacheWithoutAKey", "pipelines: {p: {cache: {ttl: 1m}}}\n", []string{
		"ductile.yaml:1:17: pipelines.p.cache.key is not set, want a function of Funcs.Key: it returns the key of a call",
	}},
	{"ACacheWithoutATimeToLive", "pipelines: {p: {cache: {key: user}}}\n", []string{
		"ductile.yaml:1:17: pipelines.p.cache.ttl is not set, want more than 0: it is how long a result is fresh",
	}},
	{"TwoWindows", "circuits: {a: {window: 10s, window_calls: 20}}\n", []string{
		"ductile.yaml:1:43: circuits.a.window_calls is 20, want it left out beside window: a window is of time or of calls",
	}},
	{"ASemanticFaultThroughExtends", "defaults: {circuit: &usual {window: 10s, window_calls: 20}}\ncircuits: {a: {extends: usual}}\n", []string{
		"ductile.yaml:1:56: circuits.a.window_calls is 20, want it left out beside window: a window is of time or of calls",
	}},
	{"AnAdaptiveOrderWithoutADelay", "bulkheads: {a: {limit: 1, max_queue: 1, order: adaptive}}\n", []string{
		"ductile.yaml:1:13: bulkheads.a.delay is not set, want a target and an interval with order adaptive, such as 5ms and 100ms",
	}},
	{"ATimeoutOfAFamilysPart", "pipelines: {p: {}}\nfamilies: {f: {pipeline: p, rate_limit: {burst: 5}}}\n", []string{
		"ductile.yaml:2:29: families.f.rate_limit.limit is not set, want 1 to 16000000000, 16 for each nanosecond of per",
	}},
}
