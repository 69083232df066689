package main

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered returns an attempt of call n.
func numbered(t *testing.T, method, n string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "http://h.example/", nil)
	require.NoError(t, err)
	r.Header.Set(callHeader, "c")
	r.Header.Set(attemptHeader, n)
	return r
}

// sent records a written attempt, and its response if heard.
func sent(t *testing.T, l *ledger, method, n string, heard bool) {
	t.Helper()
	r := numbered(t, method, n)
	require.NoError(t, l.prepare(r, 1))
	trace := httptrace.ContextClientTrace(r.Context())
	trace.WroteHeaders()
	if heard {
		trace.GotFirstResponseByte()
	}
}

func TestALedgerFindsEachDisagreement(t *testing.T) {
	for want, make := range map[string]func(l *ledger){
		"": func(l *ledger) {
			sent(t, l, "PUT", "1", true)
			l.arrive(numbered(t, "PUT", "1"))
			sent(t, l, "PUT", "2", false) // lost
			require.NoError(t, l.prepare(numbered(t, "PUT", "3"), 3))
		},
		"c/#1 arrived but was not an attempt": func(l *ledger) { l.arrive(numbered(t, "PUT", "1")) },
		"c/#1 arrived 2 times": func(l *ledger) {
			sent(t, l, "PUT", "1", true)
			l.arrive(numbered(t, "PUT", "1"))
			l.arrive(numbered(t, "PUT", "1"))
		},
		"c/#1 arrived but was not written": func(l *ledger) {
			require.NoError(t, l.prepare(numbered(t, "PUT", "1"), 1))
			l.arrive(numbered(t, "PUT", "1"))
		},
		"c/#1 was answered but did not arrive": func(l *ledger) { sent(t, l, "PUT", "1", true) },
		"c/, a POST without a key, arrived twice": func(l *ledger) {
			for _, n := range []string{"1", "2"} {
				sent(t, l, "POST", n, true)
				l.arrive(numbered(t, "POST", n))
			}
		},
	} {
		l, s := newLedger(), soaked{}
		make(l)
		l.balance(&s, &target{})
		if want == "" {
			assert.Empty(t, s.faults)
			assert.Equal(t, []int64{3, 1, 1, 1}, []int64{s.attempts, s.unsent, s.lost, s.arrived})
		} else {
			assert.Contains(t, strings.Join(s.faults, "\n"), want)
		}
	}
}
