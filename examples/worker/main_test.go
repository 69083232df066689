package main

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/retry"
)

func TestTheWorkerRestsWhileTheCircuitIsOpenAndFinishesTheMailInHand(t *testing.T) {
	var out strings.Builder
	tell(t.Context(), &out)
	assert.Equal(t, `mail 1: sent
mail 2: back to the queue: retry: budget spent
mail 3: back to the queue: retry: budget spent
mail 4: back to the queue: breaker: circuit "smtp" is open: opened by: 421 service not available
the worker rests for 30s
mail 5: back to the queue: breaker: circuit "smtp" is open: opened by: 421 service not available
the worker rests for 30s
mail 6: sent
a signal arrives while mail 7 is sent
mail 7: sent
8 requests in 1m1s; 5 mails are left in the queue
`, out.String())
}

func TestManyWorkersSendEachMailOnce(t *testing.T) {
	var sent [100]atomic.Int64
	w := newWorker(len(sent), fake.NewClock(fake.AutoAdvance()), func(_ context.Context, m mail) (string, error) {
		sent[m-1].Add(1)
		return "sent", nil
	}, io.Discard)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() { w.run(t.Context()) })
	}
	running.Wait()
	for m := range sent {
		assert.EqualValues(t, 1, sent[m].Load(), "mail %d", m+1)
	}
}

func TestAShutdownEndsARestAndLosesNoMail(t *testing.T) {
	clock := fake.NewClock() // it stands still: only the shutdown ends the rest
	w := newWorker(1, clock, nil, io.Discard)
	for range 4 { // final errors, so that no retry waits
		_, _ = w.calls.Do(t.Context(), fake.NewFunc[string]().Fail(retry.Permanent(io.EOF)).Do)
	}
	ctx, shutdown := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx) })
	assert.NoError(t, clock.BlockUntil(t.Context(), 1))
	shutdown()
	running.Wait()
	assert.Len(t, w.queue, 1)
}
