package bench_test

// The reasons for differences, as the page has them.
const (
	ownRequest  = "PrepareRetry changes the attempt's own request; the caller's stays as it was"
	anyHint     = "a Retry-After counts with every status that is retried, not with 429 and 503 alone"
	ownDate     = "a date in Retry-After is measured from the response's own Date"
	noLateStart = "a call whose context has ended sends nothing, so CheckRetry has nothing to look at"
	longestHint = "of several Retry-After values the longest counts"
	eachHop     = "http.Client follows redirects outside of the Transport, so each hop is a call of its own"
	internalFn  = "tests an internal function, which has no counterpart: a Transport keeps the body itself"
	noText      = "an answer to an error has the text of its status, not of the error"
	unavailable = "503, and the text of the status: only a rate limiter's rejection is 429"
	clientGone  = "a cancel is answered with 499, not 500, and without the error's text"
)

var retryableHTTPDiffers = map[string]string{
	"TestClient_Do_WithPrepareRetry/handler_always_fails_in_a_retryable_way": ownRequest,
	"TestClient_Do_WithPrepareRetry/handler_succeeds_on_second_attempt":      ownRequest,
	"TestBackoff_RateLimitLinearJitterBackoff/502_ignore_retry_header":       anyHint,
	"TestClient_DefaultBackoff/http_429_date":                                ownDate,
	"TestClient_DefaultBackoff/http_503_date":                                ownDate,
	"TestClient_DefaultRetryPolicy_redirects":                                eachHop,
	"TestClient_RequestWithContext":                                          noLateStart,
	"TestParseRetryAfterHeader/two-headers":                                  longestHint,
}

var failsafeHTTPDiffers = map[string]string{
	"TestBodyReader/with_*bytes.Buffer_body":                                               internalFn,
	"TestBodyReader/with_*bytes.Reader_body":                                               internalFn,
	"TestBodyReader/with_io.ReadSeeker_body":                                               internalFn,
	"TestBodyReader/with_io.Reader_body":                                                   internalFn,
	"TestServerBulkhead":                                                                   unavailable,
	"TestServerCircuitBreaker":                                                             unavailable,
	"TestServerCancelWithContext/with_executor_context":                                    clientGone,
	"TestServerCancelWithContext/with_canceling_executor_context_and_slow_request_context": clientGone,
	"TestServerCancelWithTimeout":                                                          noText,
}
