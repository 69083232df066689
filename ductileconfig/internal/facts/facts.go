// Package facts says of each field of a registry.Spec what reflection does not know: its
// description, its default, and the words for special values.
package facts

import (
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/registry"
)

// Spec returns the table of registry.Spec. It must not be changed.
var Spec = sync.OnceValue(func() *table.Type {
	t := table.Build(reflect.TypeFor[registry.Spec](), All())
	t.Extra = []string{decode.Defaults}
	return t
})

// All returns the facts of every field that a Spec reaches.
func All() table.Facts {
	fields := map[string]table.Fact{}
	for _, some := range []map[string]table.Fact{sections, circuit, budget, bulkheads, adaptives, rateLimits, throttles, pipelines, retries, hedges, caches, chaoses, families} {
		maps.Copy(fields, some)
	}
	return table.Facts{Fields: fields, Out: out}
}

// out says why fields are no keys, beside functions, clocks and other implementations.
var out = map[string]string{
	"breaker.Config.Name":     named,
	"retry.BudgetConfig.Name": named,
	"bulkhead.Config.Name":    named,
	"adaptive.Config.Name":    named,
	"ratelimit.Config.Name":   named,
	"throttle.Config.Name":    named,
	"retry.Config.Name":       named,
	"hedge.Config.Name":       named,
	"chaos.Config.Name":       named,
	"retry.Config.Budget":     "budget names one of the section budgets",
	"hedge.Config.Budget":     "budget names one of the section budgets",
	"registry.Spec.Origins":   "Load fills it in",
}

const named = "the key above it is the name"

// Words for special values.
func word(name string, value any) map[string]any { return map[string]any{name: value} }

var (
	offDuration = word("none", time.Duration(0))
	offInt      = word("none", 0)
	offRate     = word("none", 0.0)
)

var sections = map[string]table.Fact{
	"registry.Spec.Circuits":       {Doc: "Circuit breakers by name, one for each dependency"},
	"registry.Spec.Budgets":        {Doc: "Budgets by name, which retries and hedges share"},
	"registry.Spec.Bulkheads":      {Doc: "Bulkheads by name: limits on calls that run at a time"},
	"registry.Spec.AdaptiveLimits": {Doc: "Limits by name that find themselves by the latency"},
	"registry.Spec.RateLimits":     {Doc: "Rate limits by name"},
	"registry.Spec.Throttles":      {Doc: "Throttles by name, which reject calls that a dependency would refuse"},
	"registry.Spec.Pipelines":      {Doc: "Pipelines by name"},
	"registry.Spec.Families":       {Doc: "Families by name: a pipeline for each key, such as a host or a tenant"},
}

const classify = "A function of Funcs.Classify, which says what an error means"

var orders = []string{"fifo", "lifo", "adaptive"}

var pipelines = map[string]table.Fact{
	"registry.PipelineSpec.Fallback":       {Doc: "A function of Funcs.Fallback, outermost in the pipeline"},
	"registry.PipelineSpec.Cache":          {Doc: "Answers calls from earlier results"},
	"registry.PipelineSpec.Coalesce":       {Doc: "Lets calls of one key share one call"},
	"registry.PipelineSpec.TotalTimeout":   {Doc: "The limit of the whole call", Words: offDuration},
	"registry.PipelineSpec.Retry":          {Doc: "Tries again; {} for the defaults"},
	"registry.PipelineSpec.Hedge":          {Doc: "Starts another attempt when one is slow; {} for the defaults"},
	"registry.PipelineSpec.Circuit":        {Doc: "A circuit of the section circuits"},
	"registry.PipelineSpec.Throttle":       {Doc: "A throttle of the section throttles"},
	"registry.PipelineSpec.RateLimit":      {Doc: "A rate limit of the section rate_limits"},
	"registry.PipelineSpec.AttemptTimeout": {Doc: "The limit of each attempt", Words: offDuration},
	"registry.PipelineSpec.Bulkhead":       {Doc: "A bulkhead of the section bulkheads"},
	"registry.PipelineSpec.AdaptiveLimit":  {Doc: "A limit of the section adaptive_limits"},
	"registry.PipelineSpec.Chaos":          {Doc: "Injects faults into a share of the calls"},
	"registry.PipelineSpec.Pipeline":       {Doc: "Another pipeline, which stands innermost"},
	"registry.PipelineSpec.Abandon":        {Doc: "Both timeouts return at their end though the function has not"},
}

var families = map[string]table.Fact{
	"registry.FamilySpec.Pipeline":      {Doc: "The pipeline that each key gets; required"},
	"registry.FamilySpec.Circuit":       {Doc: "A circuit for each key"},
	"registry.FamilySpec.Throttle":      {Doc: "A throttle for each key"},
	"registry.FamilySpec.RateLimit":     {Doc: "A rate limit for each key"},
	"registry.FamilySpec.Bulkhead":      {Doc: "A bulkhead for each key"},
	"registry.FamilySpec.AdaptiveLimit": {Doc: "An adaptive limit for each key"},
	"registry.FamilySpec.Max":           {Doc: "The maximum number of keys", Default: "1024"},
	"registry.FamilySpec.Idle":          {Doc: "The time after which an unused key is dropped", Default: "15m"},
}

// Names returns the keys of all fields by their names in Go.
func Names() map[string]string {
	out := map[string]string{}
	for name := range All().Fields {
		field := name[strings.LastIndexByte(name, '.')+1:]
		out[field] = table.Snake(field)
	}
	return out
}
