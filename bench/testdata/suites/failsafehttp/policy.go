package failsafehttp

import (
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/retry"
)

// NewRetryPolicyBuilder makes a retry of the library's that follows what a Transport says
// about each result: a plain policy needs no rule for HTTP.
func NewRetryPolicyBuilder() retrypolicy.Builder[*http.Response] {
	return retrypolicy.NewBuilder[*http.Response]().
		HandleIf(func(_ *http.Response, err error) bool { return retry.Retryable(err) }).
		WithDelayFunc(DelayFunc)
}

// DelayFunc waits as long as the response asks for.
func DelayFunc(exec failsafe.ExecutionAttempt[*http.Response]) time.Duration {
	if resp := exec.LastResult(); resp != nil {
		if wait, ok := ductilehttp.Hint(resp); ok {
			return wait
		}
	}
	return -1
}
