// Package ductilehttp makes HTTP calls resilient on ductile's policies.
//
// [Transport] is an http.RoundTripper that any client or SDK can take:
//
//	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{})}
//	resp, err := client.Get("https://api.example.com/students")
//
// It runs each request through total timeout > retry > breaker > attempt
// timeout, with a circuit for each host. Requests that may be repeated are: GET,
// HEAD, OPTIONS, TRACE, PUT, DELETE, and any with an Idempotency-Key; others only
// where nothing of them was sent. See [RetryableRequest] and [RetryableResponse].
//
// [Client] speaks JSON on top of it:
//
//	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com"})
//	err := api.Post(ctx, "/students", in, &out, ductilehttp.Idempotent())
//
// [Handler] is the server's side: it answers for what ductile's policies refuse
// with a status and a Retry-After, and keeps to the time that the caller has left.
//
// A Transport starts no goroutine of its own that outlives a request, and keeps
// at most [MaxCircuits] circuits, however many hosts are called.
package ductilehttp
