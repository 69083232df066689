// Document processes documents through two services, each with its own circuit: it fetches
// the user from the data service, analyses the text with a hand-written retry, and stores
// the features with the orchestrator. It starts both services and breaks them. Waits are in
// virtual time: delays and recovery timeouts are those of a real service, but the program
// ends at once.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// service is one dependency: its address, its circuit, and the pipeline for every call to
// it.
type service struct {
	url     string
	circuit *breaker.Circuit
	calls   *pipeline.Pipeline[[]byte]
}

func newService(url string, cfg breaker.Config, clock policy.Clock) *service {
	cfg.Clock = clock
	cfg.Classify = func(err error) policy.Outcome {
		var status statusError
		switch {
		case err == nil:
			return policy.Success
		case errors.As(err, &status) && status < 500:
			return policy.Ignored // our own fault says nothing about the service
		}
		return policy.Failure
	}
	s := &service{url: url, circuit: breaker.NewCircuit(cfg)}
	s.calls = pipeline.Standard[[]byte](pipeline.StandardConfig{
		Name:    cfg.Name,
		Retry:   retry.Config{Clock: clock},
		Circuit: s.circuit,
	})
	return s
}

// statusError is a response that is not 2xx.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("%d %s", int(e), http.StatusText(int(e))) }

// do sends v, if it is not nil, and decodes the response into answer.
func (s *service) do(ctx context.Context, method, path string, v, answer any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	data, err := s.calls.Do(ctx, func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
		if err != nil {
			return nil, retry.Permanent(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode >= 500:
			return nil, statusError(resp.StatusCode)
		case resp.StatusCode >= 300:
			return nil, retry.Permanent(statusError(resp.StatusCode))
		}
		return data, nil
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return json.Unmarshal(data, answer)
}

type user struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type features struct {
	Words  int    `json:"words"`
	Author string `json:"author"`
}

// flow processes documents.
type flow struct {
	data, orchestrator *service
	analyse            func(ctx context.Context, u user, text string) (features, error)
	clock              policy.Clock
}

// newFlow returns a flow that uses the two services. A nil clock means real time.
func newFlow(dataURL, orchestratorURL string, clock policy.Clock) *flow {
	return &flow{
		data: newService(dataURL, breaker.Config{
			Name: "dataservice", FailureThreshold: 5, RecoveryTimeout: 15 * time.Second,
		}, clock),
		orchestrator: newService(orchestratorURL, breaker.Config{
			Name: "orchestrator", FailureThreshold: 3, RecoveryTimeout: 30 * time.Second,
		}, clock),
		analyse: analyse,
		clock:   clock,
	}
}

// process runs the three steps. A step that fails ends the flow, and the error names the
// step.
func (f *flow) process(ctx context.Context, userID, text string) (features, error) {
	var u user
	if err := f.data.do(ctx, http.MethodGet, "/users/"+userID, nil, &u); err != nil {
		return features{}, fmt.Errorf("fetching the user: %w", err)
	}

	found, err := retry.Do(ctx, retry.Config{
		MaxAttempts: 3, BaseDelay: time.Second, MaxDelay: 5 * time.Second, Clock: f.clock,
	}, func(ctx context.Context) (features, error) {
		return f.analyse(ctx, u, text)
	})
	if err != nil {
		return features{}, fmt.Errorf("analysing: %w", err)
	}

	if err := f.orchestrator.do(ctx, http.MethodPost, "/users/"+userID+"/features", found, &struct{}{}); err != nil {
		return found, fmt.Errorf("storing the features: %w", err)
	}
	return found, nil
}

// analyse counts words.
func analyse(_ context.Context, u user, text string) (features, error) {
	if text == "" {
		return features{}, retry.Permanent(errors.New("an empty document"))
	}
	return features{Words: len(bytes.Fields([]byte(text))), Author: u.Name}, nil
}

func main() {
	if err := tell(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "document:", err)
		os.Exit(1)
	}
}
