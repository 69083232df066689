package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// tale returns what a timeline writes for the events of one order, without times.
func tale(e end, events ...policy.Event) string {
	var out strings.Builder
	log := newTimeline(&out, palette{})
	for _, event := range events {
		log.observe(context.Background(), event)
	}
	log.ended(e)
	return regexp.MustCompile(`(?m)^ *[0-9.]+s +`).ReplaceAllString(out.String(), "")
}

func TestEveryDelayHasItsReason(t *testing.T) {
	failed := policy.Event{Kind: policy.Attempted, Attempt: 1, Err: errors.New("reset")}
	for reason, want := range map[string]string{"backoff": "by backoff", "server": "as the server asked"} {
		got := tale(paid, failed, policy.Event{Kind: policy.Retried, Attempt: 1, Delay: time.Second, Reason: reason, Err: failed.Err},
			policy.Event{Kind: policy.Attempted, Attempt: 2})
		assert.Equal(t, "attempt 1: reset; again in 1s, "+want+"\nattempt 2: ok; paid\n", got)
	}
}

func TestATruncatedResponseIsShownAsItsError(t *testing.T) {
	got := tale(paid, policy.Event{Kind: policy.Attempted, Attempt: 1},
		policy.Event{Kind: policy.Retried, Attempt: 1, Delay: time.Second, Reason: "backoff", Err: errors.New("unexpected EOF")},
		policy.Event{Kind: policy.Attempted, Attempt: 2})
	assert.Equal(t, "attempt 1: unexpected EOF; again in 1s, by backoff\nattempt 2: ok; paid\n", got)
}

func TestARejectionIsShownInsteadOfAnAttempt(t *testing.T) {
	open := &breaker.OpenError{Name: "stripe", State: breaker.Open}
	got := tale(queued, policy.Event{Kind: policy.Attempted, Attempt: 1, Err: open}, policy.Event{Kind: policy.FellBack, Err: open})
	assert.Equal(t, "circuit stripe is open, retry after 0s; the fallback takes over; queued\n", got)
}

func TestAFinalErrorIsShownAsFinal(t *testing.T) {
	got := tale(refused, policy.Event{Kind: policy.Attempted, Attempt: 1, Err: errors.New("declined")})
	assert.Equal(t, "attempt 1: declined; final; refused\n", got)
}
