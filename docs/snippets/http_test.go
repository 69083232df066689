package snippets_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// docs/http.md: policies of your own.
func Example_httpPolicies() {
	circuit := breaker.NewCircuit(breaker.Config{Name: "search", Window: time.Minute, FailureRate: 0.5})
	transport := ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New(
		ductilehttp.Retry(retry.Config{MaxAttempts: 2}),
		ductilehttp.Breaker(circuit),
		policy.Timeout[*http.Response](5*time.Second).WithKeep(ductilehttp.HoldBody),
	)})
	fmt.Println(transport.Config().Pipeline)
	// Output: retry(2) > breaker(search) > timeout(5s)
}
