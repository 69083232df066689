package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// features are the tests behind each line of the README's tables: behind each of its
// claims, in their order. A line of the second table is named as it is there.
var features = map[string][]string{
	"Retry": {
		"retry.TestJitterIsUniformAroundTheDelay", "retry.TestAHintIsTheMinimumAndALongOneEndsTheRetry", "retry.TestPermanentOverridesEveryCondition",
		"retry.TestTheLastRejectedValueIsReturnedAndTheOthersAreDiscarded", "retry.TestABudgetLimitsRetries",
	},
	"Breaker": {
		"breaker.TestReconfigureKeepsTheRowAndTakesEffectAtOnce", "breaker.TestARateWaitsForTwentyCallsByDefault", "breaker.TestAWindowOfCallsCountsTheLastSoMany",
		"breaker.TestABreakerMeasuresASlowCallOfANanosecond", "breaker.TestACircuitInShadowMovesAndReportsButRefusesNoCall", "breaker.TestIsolateAndTripRefuseInShadowToo",
	},
	"Timeout":        {"policy.TestTimeoutEndsAFunctionThatWaitsOnItsContext", "pipeline.TestTheTimeoutOfAnAttemptIsRetried", "policy.TestAbandonReturnsAtTheLimitIfTheFunctionIgnoresIt"},
	"Fallback":       {"policy.TestFallbackReplacesAnError"},
	"Bulkhead":       {"bulkhead.TestAdmitsLimitCallsAtATime", "bulkhead.TestAQueueNeverHoldsMoreThanItsBound", "bulkhead.TestHigherPrioritiesAreServedFirstInAnyOrder", "bulkhead.TestDelayBoundsWaitsByTargetInAStandingQueueAndIntervalInABurst", "bulkhead.TestALoweredLimitAdmitsNoCallUntilDrained"},
	"Adaptive limit": {"adaptive.TestTheLimitFollowsTheCapacity", "adaptive.TestTenClientsWithATargetShareAServer"},
	"Rate limit":     {"ratelimit.TestNoWindowExceedsBurstPlusRate", "ratelimit.TestAThousandWaitersAreServedInOrder", "ratelimit.TestAnAbandonedReservationIsFreedOnceDue", "ratelimit.TestRetryAfterPausesAllCallers", "ratelimit.TestACallWithoutCostIsAdmitted"},
	"Throttle":       {"throttle.TestOfTenTimesTheCapacityAboutKTimesIsSent", "throttle.TestRejectionsAreTakenFromTheLowestClassUp"},
	"Hedge":          {"hedge.TestTheFirstSuccessWins", "hedge.TestALearnedDelayFollowsChangesOfTheLatency", "hedge.TestTheDefaultBudgetIsATenthOfCallsPlusOnePerSecond"},
	"Coalesce":       {"coalesce.TestCallersOfOneKeyShareOneRun", "coalesce.TestTheFlightGoesOnWhenItsFirstCallerLeaves"},
	"Chaos":          {"chaos.TestAFaultEndsTheCallAndDoesNotRunTheFunction", "chaos.TestALatencySleepsOnTheClockBeforeTheFunctionRuns", "chaos.TestAnOutcomeEndsTheCallAndDoesNotRunTheFunction", "chaos.TestTheSameSeedActsInTheSameCalls", "chaos.TestAnInjectorIsOffUntilItIsSwitchedOn"},
	"Cache":          {"cache.TestAFreshValueAnswersWithoutACall", "cache.TestAStaleValueAnswersAtOnceWhileOneRefreshRuns", "cache.TestAKeptValueAnswersACallThatFails", "cache.TestAKeptErrorComesBackAsAnError"},
	"Check, Select":  {"policy.TestCheckSeesEveryResult", "policy.TestSelectTakesANilPointerForNoPolicy"},
	"Keyed":          {"keyed.TestRunsEachCallThroughThePolicyOfItsKey", "keyed.TestMemoryIsFlatWhileKeysComeAndGo"},
	"Pipeline":       {"pipeline.TestTheFirstPolicyIsOutermost", "pipeline.TestEventsReportTheWholeCall", "pipeline.TestANestedPipelineAllocatesNothing", "pipeline.TestStandardPutsEachPolicyInItsPlace"},
	"Registry":       {"registry.TestEveryPolicyStandsInItsPlace", "registry.TestAnOpenCircuitStaysOpenWithItsNewEnd", "registry.TestAStormOfReloadsLosesNothing", "registry.TestNewcomersShareAPipelineWhileAllMembersAreBusy"},
	"Configuration":  {"ductileconfig.TestEveryFaultIsToldWithItsPlace", "ductileconfig.TestTheEnvironmentWinsOverAFile", "ductileconfig.TestReadsTheMapOfAnotherLibrary", "ductileconfig.TestTheSwapOfADirectoryByKubernetesIsReloaded", "ductileconfig/schematest.TestEveryFixtureMatchesTheSchema"},
	"Command line":   {"cmd/ductile/internal/analysis.TestFindsAFaultAndNothingWithoutIt", "cmd/ductile/internal/analysis.TestBoundsAreReachedWhereTheReportSaysSo", "cmd/ductile/internal/cli.TestPrintsWhatTheScriptsHave"},
	"Simulator":      {"sim.TestEveryPolicyRunsThroughAnOutage", "sim.TestQueuesAgreeWithErlangC", "sim.TestBackoffsAgreeWithTheSimulatorOfAWS", "sim.TestExpectations"},
	"Observing":      {"observe.TestACallIsCountedWithItsAttempts", "observe.TestInventedNamesAreBounded", "observe.TestStatsIsAnExpvarVar", "observe.TestAnOutageIsAFewRecords"},
	"Live page":      {"console.TestASnapshotShowsEachCircuitWithItsCauseAndTheTimeToTheNextProbe", "console/browsertest.TestThePageIsAccessibleAndFitsEachScreen", "console.TestAConsoleIsReadOnlyByDefault"},
	"Prometheus":     {"ductileprom/promtest.TestPrometheusReadsAScrapeInEachFormat", "ductileprom/promtest.TestEachQueryOfTheDashboardHasAnAnswer", "ductileprom/promtest.TestTheRulesAreFour"},
	"HTTP, Stripe":   {"ductilehttp.TestRetriesOnBothProtocols", "ductilehttp.TestAClientSendsAndReceivesJSON", "ductilehttp.TestAThrottledCallIsAnsweredWith503", "ductilestripe.TestACallIsChargedOnceThroughEveryFault"},
	"Testing":        {"fake.TestAdvanceFiresInOrderWithTheTimeOfEach", "fake.TestFuncPlaysItsScript", "fake.TestARecorderKeepsKindsAndEventsInOrder", "policytest.TestEachFaultIsReportedByExactlyItsChecks"},

	"retry":                          {"retry.TestDefaultsAreThreeAttemptsAndDoublingDelays"},
	"circuit breaker":                {"breaker.TestTheCircuitBehavesLikeTheModel"},
	"timeout, fallback":              {"policy.TestALateSuccessIsASuccess", "policy.TestFallbackReplacesAnError"},
	"bulkhead, rate limit":           {"bulkhead.TestAGateBehavesLikeItsModel", "ratelimit.TestALimiterBehavesLikeItsModel"},
	"sheds load by priority":         {"bulkhead.TestAHigherPriorityDisplacesTheNewestOfTheLowest", "adaptive.TestHigherPrioritiesAreServedFirst", "throttle.TestUnderOverloadTheLowestClassesAreShedFirst"},
	"hedge":                          {"hedge.TestAHedgeBehavesLikeItsModel"},
	"cache":                          {"cache.TestACacheDoesWhatItsModelDoes"},
	"adaptive limits":                {"adaptive.TestALimiterBehavesLikeItsModel"},
	"fault injection":                {"chaos.TestChaosBehavesLikeItsModel"},
	"composes policies":              {"pipeline.TestTheFirstPolicyIsOutermost"},
	"context passed with each call":  {"policy.TestTheFunctionSeesTheCallersValues"},
	"retries limited across calls":   {"retry.TestABudgetGrantsATenthOfTheCallsAndTenASecondByDefault"},
	"clock in the config, for tests": {"fake.TestEveryPolicyRunsOnTheClockOfItsConfig"},
	"state shared between processes": {}, // none
	"HTTP client":                    {"ductilehttp.TestTheClientsDefaults"},
	"gRPC":                           {"ductilegrpc.TestIdempotencyIsWhatTheProtoDeclares", "ductilegrpc.TestNoMessageIsDeliveredTwice", "ductilegrpc.TestAPushbackIsKeptExactly", "ductilegrpc.TestARefusalLeavesWithItsStatusAndTheWaitIfItIsKnown", "ductilegrpc.TestHigherPrioritiesAreServedFirst", "ductilegrpc.TestAnAddressThatFailsIsPassedOverUntilAProbeSucceeds"}, // of both tables
	"allocations of fallback > retry > breaker, success": {"bench.TestAllocationsOfTheReadme"},
}

// TestEachLineOfTheReadmesTablesHasATest compares the tables with the list above, and looks
// each test up in the source.
func TestEachLineOfTheReadmesTablesHasATest(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	var lines []string
	for _, section := range []string{"What it has", "Beside other libraries"} {
		_, after, found := strings.Cut(string(text), "\n## "+section+"\n")
		require.True(t, found, section)
		table, _, _ := strings.Cut(after, "\n## ")
		for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+?) \| ([^|]+) \|.*$`).FindAllStringSubmatch(table, -1) {
			if row[1] == "" || strings.HasPrefix(row[1], "---") {
				continue
			}
			name := regexp.MustCompile(`\[([^]]+)\](\([^)]*\))?`).ReplaceAllString(row[1], "$1")
			lines = append(lines, name)
			if strings.HasPrefix(row[2], "no") {
				assert.Empty(t, features[name], name)
			} else {
				assert.NotEmpty(t, features[name], "no test is named for the line %q", name)
			}
		}
	}
	for name, tests := range features {
		assert.True(t, slices.Contains(lines, name), "the README has no line %q", name)
		for _, test := range tests {
			at := strings.LastIndex(test, ".")
			assert.True(t, declares(t, filepath.Join("..", test[:at]), test[at+1:]), "%s: there is no %s", name, test)
		}
	}
}

// declares reports whether a test file in dir declares a function.
func declares(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
		require.NoError(t, err)
		return strings.Contains(string(text), "\nfunc "+function+"(t *testing.T) {")
	})
}
