package facts

import (
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/retry"
)

const (
	budgetName = "A budget of the section budgets"
	retryIf    = "A function of Funcs.RetryIf, which says "
	key        = "A function of Funcs.Key, which returns the key of a call; required"
)

var retries = map[string]table.Fact{
	"retry.Config.MaxAttempts":       {Doc: "Attempts, the first included", Default: "3", Words: word("unlimited", retry.Unlimited)},
	"retry.Config.BaseDelay":         {Doc: "The delay before the second attempt", Default: "500ms", Words: word("none", retry.NoDelay)},
	"retry.Config.MaxDelay":          {Doc: "The longest delay", Default: "4s"},
	"retry.Config.Multiplier":        {Doc: "The ratio of each delay to the one before", Default: "2"},
	"retry.Config.JitterFactor":      {Doc: "The share by which a delay is longer or shorter at random", Rate: true, Default: "10%", Words: word("none", retry.NoJitter)},
	"retry.Config.MaxElapsed":        {Doc: "No attempt begins after so long", Words: offDuration},
	"retry.Config.MaxRetryAfter":     {Doc: "The longest hint of a server to follow; a longer one ends the retry", Default: "30s"},
	"retry.Config.RetryRejected":     {Doc: "Waits for rejections that say when to come back"},
	"retry.Config.KeepErrors":        {Doc: "Attempts whose errors are kept, beside the last", Words: offInt},
	"registry.RetrySpec.BudgetName":  {Doc: budgetName},
	"registry.RetrySpec.RetryIfName": {Doc: retryIf + "which errors are worth another attempt"},
	"registry.RetrySpec.BackoffName": {
		Doc:  "How delays grow, or a function of Funcs.Backoff",
		Enum: []string{"exponential", "full_jitter", "equal_jitter", "decorrelated", "fibonacci", "linear", "constant"},
	},
}

var hedges = map[string]table.Fact{
	"hedge.Config.Delay":             {Doc: "The time between the starts of two attempts", Default: "a learned delay", Words: word("at_once", hedge.AtOnce)},
	"hedge.Config.Quantile":          {Doc: "The share of first attempts that end before a learned delay", Rate: true, Default: "95%"},
	"hedge.Config.MinDelay":          {Doc: "The least learned delay", Default: "1ms"},
	"hedge.Config.MaxDelay":          {Doc: "The longest learned delay", Words: offDuration},
	"hedge.Config.MinCalls":          {Doc: "Latencies needed before a delay is learned", Default: "100"},
	"hedge.Config.MaxExtra":          {Doc: "Extra attempts of a call", Default: "1"},
	"hedge.Config.OnFailure":         {Doc: "A failed attempt starts the next one at once"},
	"hedge.Config.Abandon":           {Doc: "The call returns with the first success, though another attempt runs on"},
	"registry.HedgeSpec.BudgetName":  {Doc: budgetName + "; without it, the hedge has its own, of 10% of the calls and 1 a second"},
	"registry.HedgeSpec.HedgeIfName": {Doc: retryIf + "which errors start the next attempt; needs on_failure"},
}

var caches = map[string]table.Fact{
	"registry.CacheSpec.Key":            {Doc: key},
	"registry.CacheSpec.TTL":            {Doc: "How long a result is fresh; required"},
	"registry.CacheSpec.Stale":          {Doc: "How long after that it still answers while one refresh runs", Words: offDuration},
	"registry.CacheSpec.StaleIfError":   {Doc: "How long after that it still answers calls that fail", Words: offDuration},
	"registry.CacheSpec.NegativeTTL":    {Doc: "How long an error is kept that negative accepts", Words: offDuration},
	"registry.CacheSpec.NegativeName":   {Doc: retryIf + "which errors are kept"},
	"registry.CacheSpec.Jitter":         {Doc: "The share by which a result's time may be shorter", Rate: true, Default: "10%", Words: word("none", cache.NoJitter)},
	"registry.CacheSpec.RefreshTimeout": {Doc: "The limit of a refresh; needs stale", Default: "30s"},
	"registry.CacheSpec.Cooldown":       {Doc: "The time after a failed refresh in which no other begins; needs stale", Default: "1s"},
	"registry.CacheSpec.MaxEntries":     {Doc: "Results that the built-in store keeps", Default: "10000"},
	"registry.CacheSpec.Store":          {Doc: "A store of Funcs.Store; memory by default"},
	"registry.CoalesceSpec.Key":         {Doc: key},
}

var chaoses = map[string]table.Fact{
	"chaos.Config.Rate":          {Doc: "The share of the calls to act in", Rate: true, Words: offRate},
	"chaos.Config.Enabled":       {Doc: "Acts from the start"},
	"chaos.Config.Seed":          {Doc: "Makes the same choices in each run; random by default"},
	"registry.ChaosSpec.Error":   {Doc: "The text of the error to inject"},
	"registry.ChaosSpec.Latency": {Doc: "The wait to inject", Words: offDuration},
}
