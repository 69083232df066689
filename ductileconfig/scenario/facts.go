package scenario

import (
	"maps"
	"reflect"
	"sync"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
)

// fileType returns the table of file. It must not be changed.
var fileType = sync.OnceValue(func() *table.Type {
	all := facts.All()
	maps.Copy(all.Fields, own)
	t := table.Build(reflect.TypeFor[file](), all)
	t.Extra = []string{decode.Defaults}
	return t
})

const (
	aPipeline = "The pipeline of the configuration that its calls go through"
	aFamily   = "The family of the configuration that its calls go through, by their keys"
	bound     = "a bound such as "
)

var (
	distFact  = table.Fact{Want: "a time such as 10ms, or a mapping such as {dist: exponential, mean: 10ms}"}
	rate      = "calls per second such as 700/s, 42000/m or 700"
	balances  = []string{"round_robin", "random", "least_requests"}
	distNames = []string{"constant", "exponential", "lognormal", "table"}
)

// described returns a fact with a description.
func described(f table.Fact, doc string) table.Fact {
	f.Doc = doc
	return f
}

var own = map[string]table.Fact{
	"scenario.file.Seed":     {Doc: "Of all random numbers: runs with the same seed are the same"},
	"scenario.file.Duration": {Doc: "The length of the run, in virtual time; required"},
	"scenario.file.Warmup":   {Doc: "The time at the beginning that is not counted"},
	"scenario.file.Services": {Doc: "Dependencies by name"},
	"scenario.file.Clients":  {Doc: "Callers by name; at least one"},
	"scenario.file.Faults":   {Doc: "What goes wrong, and when"},
	"scenario.file.Variants": {Doc: "Changes of the configuration by name, run side by side; {} is the configuration as it is"},
	"scenario.file.Expect":   {Doc: "What must hold for the run to pass"},

	"scenario.client.Replicas": {Doc: "How many there are, each with policies of its own", Default: "1"},
	"scenario.client.Rate":     {Doc: "Calls per second of all replicas together", Want: rate},
	"scenario.client.Closed":   {Doc: "So many users, each of which calls, waits, pauses and calls again"},
	"scenario.client.Think":    described(distFact, "How long such a user pauses"),
	"scenario.client.Burst":    {Doc: "Calls of each replica at the start"},
	"scenario.client.Calls":    {Doc: "The service that it calls; required"},
	"scenario.client.Pipeline": {Doc: aPipeline},
	"scenario.client.Family":   {Doc: aFamily},
	"scenario.client.Priority": {Doc: "The priority of its calls", Enum: priorities},
	"scenario.client.Classes":  {Doc: "Shares of the calls with priorities of their own"},
	"scenario.client.Keys":     {Doc: "How many keys its calls have"},
	"scenario.class.Name":      {Doc: "The name of the class"},
	"scenario.class.Share":     {Doc: "Its share of the calls", Rate: true},
	"scenario.class.Priority":  {Doc: "The priority of its calls", Enum: priorities},

	"scenario.service.Replicas":     {Doc: "How many there are behind a load balancer", Default: "1"},
	"scenario.service.Balance":      {Doc: "How the load balancer picks one", Enum: balances, Known: true},
	"scenario.service.Workers":      {Doc: "Requests that a replica serves at a time; 0 for no limit"},
	"scenario.service.Queue":        {Doc: "Requests that may wait at a replica"},
	"scenario.service.ServiceTime":  described(distFact, "How long a worker takes"),
	"scenario.service.Drag":         {Doc: "By what share the service time grows with each request that a replica has"},
	"scenario.service.RetryAfter":   {Doc: "The hint to wait in its refusals"},
	"scenario.service.AbandonQueue": {Doc: "A queued request is dropped when its caller has gone"},
	"scenario.service.Calls":        {Doc: "Services that each request calls first"},
	"scenario.service.HitRatio":     {Doc: "The share of the requests that its cache answers", Rate: true},
	"scenario.service.HitTime":      described(distFact, "How long the cache takes"),
	"scenario.service.Entries":      {Doc: "How many requests fill an empty cache", Default: "1000"},
	"scenario.service.Pipeline":     {Doc: aPipeline},
	"scenario.service.Family":       {Doc: aFamily},

	"scenario.outage.At":        {Doc: "When it begins"},
	"scenario.outage.For":       {Doc: "How long it lasts"},
	"scenario.outage.Service":   {Doc: "The service that it befalls; required"},
	"scenario.outage.Replica":   {Doc: "Only the replica of this number; 0 for all"},
	"scenario.outage.Down":      {Doc: "Requests fail at once"},
	"scenario.outage.Slow":      {Doc: "Times the service time", Want: "a factor such as 10x or 10"},
	"scenario.outage.Errors":    {Doc: "The share of the requests that fail after their work", Rate: true},
	"scenario.outage.Hang":      {Doc: "Requests get no answer"},
	"scenario.outage.Capacity":  {Doc: "The share of the workers that is left", Rate: true},
	"scenario.outage.Partition": {Doc: "Requests do not arrive, and answers do not come back"},
	"scenario.outage.Cold":      {Doc: "The service's cache is emptied"},

	"scenario.expect.Variant":        {Doc: "Of this variant alone"},
	"scenario.expect.When":           {Doc: "Relative to the faults; the whole run by default", Enum: []string{"before", "during", "after"}, Known: true},
	"scenario.expect.RecoversWithin": {Doc: "How soon after the last fault all is well again"},
	"scenario.expect.Success":        {Doc: "The share of the calls that succeed", Want: bound + `">= 99%"`},
	"scenario.expect.Amplification":  {Doc: "Requests per call", Want: bound + `"<= 1.2"`},
	"scenario.expect.P50":            {Doc: "The median time of a call", Want: bound + `"<= 100ms"`},
	"scenario.expect.P99":            {Doc: "The 99th percentile of the time of a call", Want: bound + `"<= 400ms"`},

	"scenario.dist.Dist":      {Doc: "The kind of distribution", Enum: distNames, Known: true},
	"scenario.dist.Time":      {Doc: "Of constant: the time"},
	"scenario.dist.Mean":      {Doc: "Of exponential: the mean"},
	"scenario.dist.Median":    {Doc: "Of lognormal: the median"},
	"scenario.dist.P99":       {Doc: "Of lognormal: the 99th percentile"},
	"scenario.dist.Quantiles": {Doc: "Of table: points between which it is linear"},
	"scenario.quantile.Share": {Doc: "So many of the times are at most time", Rate: true},
	"scenario.quantile.Time":  {Doc: "The time"},
}
