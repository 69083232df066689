package ductileconfig_test

// badValues are files with faults of keys and of single values.
var badValues = []badFile{
	{"AnUnknownSection", "circits:\n  a: {}\n", []string{
		"ductile.yaml:1:1: circits: unknown field, did you mean circuits?",
	}},
	{"AnUnknownSectionOfAnotherLibrary", "resilience4j: {}\n", []string{
		"ductile.yaml:1:1: resilience4j: unknown field",
	}},
	{"AnUnknownField", "circuits:\n  stripe:\n    recovery_timout: 60s\n", []string{
		"ductile.yaml:3:5: circuits.stripe.recovery_timout: unknown field, did you mean recovery_timeout?",
	}},
	{"AFieldInCamelCase", "circuits:\n  stripe:\n    failureRate: 50%\n", []string{
		"ductile.yaml:3:5: circuits.stripe.failureRate: unknown field, did you mean failure_rate?",
	}},
	{"AFieldWithDashes", "circuits:\n  stripe:\n    failure-rate: 50%\n", []string{
		"ductile.yaml:3:5: circuits.stripe.failure-rate: unknown field, did you mean failure_rate?",
	}},
	{"AFieldInUpperCase", "circuits:\n  stripe:\n    WINDOW: 10s\n", []string{
		"ductile.yaml:3:5: circuits.stripe.WINDOW: unknown field, did you mean window?",
	}},
	{"AnUnknownFieldInFlow", "budgets: {out: {ratoi: 10%}}\n", []string{
		"ductile.yaml:1:17: budgets.out.ratoi: unknown field, did you mean ratio?",
	}},
	{"AnUnknownFieldNearNone", "budgets: {out: {color: red}}\n", []string{
		"ductile.yaml:1:17: budgets.out.color: unknown field; the fields are ratio, min_per_second, window",
	}},
	{"AnUnknownFieldInANestedMapping", "bulkheads:\n  db:\n    limit: 5\n    max_queue: 5\n    delay: {target: 5ms, intervall: 100ms}\n", []string{
		"ductile.yaml:5:26: bulkheads.db.delay.intervall: unknown field, did you mean interval?",
	}},
	{"AnUnknownFieldOfARetry", "pipelines:\n  p:\n    retry:\n      attempts: 3\n", []string{
		"ductile.yaml:4:7: pipelines.p.retry.attempts: unknown field, did you mean max_attempts?",
	}},
	{"AFieldThatCodeAloneSets", "circuits:\n  a:\n    name: b\n", []string{
		"ductile.yaml:3:5: circuits.a.name: unknown field; the key above it is the name",
	}},
	{"AFieldOfAnotherKind", "pipelines:\n  p:\n    max_attempts: 3\n", []string{
		"ductile.yaml:3:5: pipelines.p.max_attempts: unknown field, did you mean retry.max_attempts?",
	}},
	{"AnEmptyKey", "circuits:\n  a:\n    \"\": 1\n", []string{
		"ductile.yaml:3:5: circuits.a.\"\": unknown field",
	}},
	{"ANameWithADot", "circuits:\n  a.b: {}\n", []string{
		"ductile.yaml:2:3: circuits: the name \"a.b\" has a dot, which separates the parts of a path",
	}},
	{"AnEmptyName", "circuits:\n  \"\": {}\n", []string{
		"ductile.yaml:2:3: circuits: a name is empty",
	}},
	{"ANameWithSpaces", "circuits:\n  \" a\": {}\n", []string{
		"ductile.yaml:2:3: circuits: the name \" a\" has spaces around it",
	}},
	{"ANameWithATab", "circuits:\n  \"a\\tb\": {}\n", []string{
		"ductile.yaml:2:3: circuits: the name \"a\\tb\" has characters that cannot be printed",
	}},
	{"ADuplicateName", "circuits:\n  a: {}\n  b: {}\n  a: {}\n", []string{
		"ductile.yaml:4:3: circuits.a: duplicate key, the first is in line 2",
	}},
	{"ADuplicateField", "circuits:\n  a:\n    window: 10s\n    window: 20s\n", []string{
		"ductile.yaml:4:5: circuits.a.window: duplicate key, the first is in line 3",
	}},
	{"ADuplicateSection", "circuits: {}\ncircuits: {}\n", []string{
		"ductile.yaml:2:1: circuits: duplicate key, the first is in line 1",
	}},
	{"AKeyThatIsAList", "circuits:\n  ? [a, b]\n  : {}\n", []string{
		"ductile.yaml:2:5: circuits: a key is not a plain word",
	}},
	{"ANumberForADuration", "circuits:\n  a:\n    window: 10\n", []string{
		"ductile.yaml:3:13: circuits.a.window is 10, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 10s?",
	}},
	{"AFractionForADuration", "pipelines: {p: {total_timeout: 0.5}}\n", []string{
		"ductile.yaml:1:32: pipelines.p.total_timeout is 0.5, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 0.5s?",
	}},
	{"ZeroWithoutAUnit", "pipelines: {p: {total_timeout: 0}}\n", []string{
		"ductile.yaml:1:32: pipelines.p.total_timeout is 0, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 0s?",
	}},
	{"ADurationInDays", "families: {f: {idle: 2d}}\n", []string{
		"ductile.yaml:1:22: families.f.idle is 2d, want a duration above 0, such as 30s or 1m30s, did you mean 48h?",
	}},
	{"ADurationInWords", "circuits:\n  a:\n    window: ten seconds\n", []string{
		"ductile.yaml:3:13: circuits.a.window is \"ten seconds\", want a duration such as 30s or 1m30s",
	}},
	{"ANegativeDuration", "circuits:\n  a:\n    window: -10s\n", []string{
		"ductile.yaml:3:13: circuits.a.window is -10s, want a duration such as 30s or 1m30s",
	}},
	{"ADurationBeyondAllBounds", "circuits:\n  a:\n    window: 9999999h\n", []string{
		"ductile.yaml:3:13: circuits.a.window is 9999999h, want a duration such as 30s or 1m30s, at most 2562047h",
	}},
	{"AZeroDurationThatMeansADefault", "circuits:\n  a:\n    recovery_timeout: 0s\n", []string{
		"ductile.yaml:3:23: circuits.a.recovery_timeout is 0s, want a duration above 0, such as 30s or 1m30s, or none; leave it out for the default, 30s",
	}},
	{"AMisspelledWordForADuration", "circuits:\n  a:\n    recovery_timeout: nome\n", []string{
		"ductile.yaml:3:23: circuits.a.recovery_timeout is nome, want a duration above 0, such as 30s or 1m30s, or none, did you mean none?",
	}},
	{"AMappingForADuration", "circuits:\n  a:\n    window: {seconds: 10}\n", []string{
		"ductile.yaml:3:13: circuits.a.window is a mapping, want a duration such as 30s or 1m30s",
	}},
	{"AListForADuration", "circuits:\n  a:\n    window: [10s]\n", []string{
		"ductile.yaml:3:13: circuits.a.window is a list, want a duration such as 30s or 1m30s",
	}},
	{"ABooleanForADuration", "circuits:\n  a:\n    window: true\n", []string{
		"ductile.yaml:3:13: circuits.a.window is true, want a duration such as 30s or 1m30s",
	}},
	{"ARateAboveOne", "circuits:\n  a:\n    failure_rate: 7\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is 7, want 0 to 1 (or 0% to 100%)",
	}},
	{"ARateAboveAHundredPercent", "circuits:\n  a:\n    failure_rate: 150%\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is 150%, want 0 to 1 (or 0% to 100%)",
	}},
	{"ANegativeRate", "circuits:\n  a:\n    failure_rate: -0.5\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is -0.5, want 0 to 1 (or 0% to 100%)",
	}},
	{"ARateOfNotANumber", "circuits:\n  a:\n    failure_rate: .nan\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is .nan, want 0 to 1 (or 0% to 100%)",
	}},
	{"ARateWithASpace", "circuits:\n  a:\n    failure_rate: 50 %\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is \"50 %\", want 0 to 1 (or 0% to 100%)",
	}},
	{"ARateInQuotes", "circuits:\n  a:\n    failure_rate: \"0.5\"\n", []string{
		"ductile.yaml:3:19: circuits.a.failure_rate is \"0.5\", want 0 to 1 (or 0% to 100%); remove the quotes",
	}},
	{"ARatioBeyondItsBound", "budgets:\n  a:\n    ratio: 1001\n", []string{
		"ductile.yaml:3:12: budgets.a.ratio is 1001, want more than 0, up to 1000 (or 100000%)",
	}},
	{"AZeroRateThatMeansADefault", "budgets:\n  a:\n    ratio: 0%\n", []string{
		"ductile.yaml:3:12: budgets.a.ratio is 0%, want more than 0, up to 1000 (or 100000%); leave it out for the default, 10%",
	}},
	{"MinusOneForNoJitter", "pipelines: {p: {retry: {jitter_factor: -1}}}\n", []string{
		"ductile.yaml:1:40: pipelines.p.retry.jitter_factor is -1, want more than 0, up to 1 (or 100%), or none; write none",
	}},
	{"ARateWithoutItsZero", "circuits: {a: {failure_rate: .5}}\n", []string{
		"ductile.yaml:1:30: circuits.a.failure_rate is .5, want 0 to 1 (or 0% to 100%), did you mean 0.5?",
	}},
	{"AnIntegerInQuotes", "circuits:\n  a:\n    min_calls: \"20\"\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is \"20\", want a whole number, 1 or more; remove the quotes",
	}},
	{"AnIntegerWithALeadingZero", "circuits:\n  a:\n    min_calls: 010\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 010, want a whole number, 1 or more; remove the leading zero: did you mean 10?",
	}},
	{"AnIntegerInHex", "circuits:\n  a:\n    min_calls: 0x1F\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 0x1F, want a whole number, 1 or more",
	}},
	{"AnIntegerWithAnExponent", "circuits:\n  a:\n    min_calls: 1e3\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 1e3, want a whole number, 1 or more, did you mean 1000?",
	}},
	{"AnIntegerWithAFraction", "circuits:\n  a:\n    min_calls: 20.0\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 20.0, want a whole number, 1 or more, did you mean 20?",
	}},
	{"ANegativeInteger", "circuits:\n  a:\n    min_calls: -5\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is -5, want a whole number, 1 or more",
	}},
	{"MinusOneForUnlimited", "pipelines: {p: {retry: {max_attempts: -1}}}\n", []string{
		"ductile.yaml:1:39: pipelines.p.retry.max_attempts is -1, want a whole number, 1 or more, or unlimited; write unlimited",
	}},
	{"AZeroThatMeansADefault", "pipelines: {p: {retry: {max_attempts: 0}}}\n", []string{
		"ductile.yaml:1:39: pipelines.p.retry.max_attempts is 0, want a whole number, 1 or more, or unlimited; leave it out for the default, 3",
	}},
	{"AMisspelledWordForAnInteger", "pipelines: {p: {retry: {max_attempts: unlimted}}}\n", []string{
		"ductile.yaml:1:39: pipelines.p.retry.max_attempts is unlimted, want a whole number, 1 or more, or unlimited, did you mean unlimited?",
	}},
	{"AnIntegerBeyondAllBounds", "circuits:\n  a:\n    min_calls: 99999999999999999999\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 99999999999999999999, want a whole number, 1 or more, at most 9223372036854775807",
	}},
	{"ASeedBeyondAllBounds", "pipelines: {p: {chaos: {rate: 1, seed: 18446744073709551616}}}\n", []string{
		"ductile.yaml:1:40: pipelines.p.chaos.seed is 18446744073709551616, want a whole number, 0 or more, at most 18446744073709551615",
	}},
	{"AnIntegerWithUnderscoresAtItsEnd", "circuits:\n  a:\n    min_calls: 1_\n", []string{
		"ductile.yaml:3:16: circuits.a.min_calls is 1_, want a whole number, 1 or more",
	}},
	{"ANumberThatIsNone", "budgets:\n  a:\n    min_per_second: many\n", []string{
		"ductile.yaml:3:21: budgets.a.min_per_second is many, want a number above 0, or none",
	}},
	{"ANegativeNumber", "pipelines: {p: {retry: {multiplier: -2}}}\n", []string{
		"ductile.yaml:1:37: pipelines.p.retry.multiplier is -2, want a number above 0",
	}},
	{"AnInfiniteNumber", "pipelines: {p: {retry: {multiplier: .inf}}}\n", []string{
		"ductile.yaml:1:37: pipelines.p.retry.multiplier is .inf, want a number above 0",
	}},
	{"MinusOneForNoMinimum", "budgets: {a: {min_per_second: -1}}\n", []string{
		"ductile.yaml:1:31: budgets.a.min_per_second is -1, want a number above 0, or none; write none",
	}},
	{"YesForTrue", "circuits:\n  a:\n    shadow: yes\n", []string{
		"ductile.yaml:3:13: circuits.a.shadow is yes, want true or false, did you mean true?",
	}},
	{"OffForFalse", "circuits:\n  a:\n    shadow: off\n", []string{
		"ductile.yaml:3:13: circuits.a.shadow is off, want true or false, did you mean false?",
	}},
	{"ANumberForABoolean", "circuits:\n  a:\n    shadow: 1\n", []string{
		"ductile.yaml:3:13: circuits.a.shadow is 1, want true or false",
	}},
	{"AnUnknownOrder", "bulkheads:\n  a:\n    limit: 1\n    order: lif\n", []string{
		"ductile.yaml:4:12: bulkheads.a.order is lif, want fifo, lifo or adaptive, did you mean lifo?",
	}},
	{"AnOrderOfAnotherSystem", "bulkheads:\n  a:\n    limit: 1\n    order: random\n", []string{
		"ductile.yaml:4:12: bulkheads.a.order is random, want fifo, lifo or adaptive",
	}},
	{"AMappingForAName", "pipelines:\n  p:\n    circuit: {window: 10s}\n", []string{
		"ductile.yaml:3:14: pipelines.p.circuit is a mapping, want a name",
	}},
	{"ANameForAMapping", "pipelines:\n  p:\n    retry: fast\n", []string{
		"ductile.yaml:3:12: pipelines.p.retry is fast, want a mapping with keys such as max_attempts and base_delay",
	}},
	{"AListForASection", "circuits:\n  - stripe\n", []string{
		"ductile.yaml:2:3: circuits is a list, want a mapping of names",
	}},
	{"AWordForASection", "circuits: none\n", []string{
		"ductile.yaml:1:11: circuits is none, want a mapping of names",
	}},
	{"TrueForAMapping", "pipelines:\n  p:\n    retry: true\n", []string{
		"ductile.yaml:3:12: pipelines.p.retry is true, want a mapping with keys such as max_attempts and base_delay",
	}},
	{"NothingForAMapping", "pipelines:\n  p:\n    retry:\n    circuit: null\n", []string{
		"ductile.yaml:3:11: pipelines.p.retry is empty, want a mapping; write {} for the defaults, or null for none",
	}},
	{"NothingForAName", "circuits:\n  stripe:\n", []string{
		"ductile.yaml:2:10: circuits.stripe is empty, want a mapping; write {} for the defaults, or null for none",
	}},
	// A zero for the default is for Go: a file leaves the field out.
	{"AThrottleThatSendsTooLittle", "throttles: {a: {k: 0.5}}\n", []string{
		"ductile.yaml:1:20: throttles.a.k is 0.5, want it left out for the default, 2, or 1 to 1e+06",
	}},
	{"ARejectionOfAll", "throttles: {a: {max_reject: 1}}\n", []string{
		"ductile.yaml:1:29: throttles.a.max_reject is 1, want it left out for the default, 0.99, or more than 0 and less than 1: at 1 no call would notice a recovery",
	}},
	{"ALimitThatBeginsTooLow", "adaptive_limits: {a: {initial: 1, min: 2}}\n", []string{
		"ductile.yaml:1:32: adaptive_limits.a.initial is 1, want it left out for the default, or min to max, which are 2 and 1000",
	}},
	{"NothingForADuration", "circuits:\n  stripe:\n    window:\n", []string{
		"ductile.yaml:3:12: circuits.stripe.window is empty, want a duration such as 30s or 1m30s",
	}},
}
