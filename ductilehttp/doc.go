// Package ductilehttp makes HTTP calls resilient on ductile's policies.
//
// [Transport] is an http.RoundTripper that any client or SDK can take:
//
//	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{})}
//	resp, err := client.Get("https://api.example.com/students")
//
// It runs each request through total timeout > retry > breaker > attempt timeout, with a
// circuit for each host. GET, HEAD, OPTIONS, TRACE, PUT and DELETE may be repeated, and any
// request with an Idempotency-Key; others only if nothing of them was sent. See
// [RetryableRequest] and [RetryableResponse]. One attempt is one request at the server.
//
// The policies are exported parts: a Pipeline of your own in the [Config] is the same with
// other policies, made by [Retry], [Breaker], [HoldBody] and the core's packages.
//
// [Client] calls APIs that use JSON:
//
//	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com"})
//	err := api.Post(ctx, "/students", in, &out, ductilehttp.Idempotent())
//
// [Handler] is the server's side: it answers what ductile's policies refuse with a status
// and a Retry-After, and obeys the time that the caller has left.
//
// A Transport starts no goroutine of its own that outlives a request, and keeps at most
// [MaxCircuits] circuits, however many hosts are called.
package ductilehttp
