//go:build ductile_explore

package explore

import (
	"time"

	"github.com/ductile-go/ductile/bulkhead"
)

// reconfigured returns scenes of a gate that is reconfigured.
func reconfigured() map[string]lobbyScene {
	return map[string]lobbyScene{
		"Reconfigure closes the queue beside a caller and a release": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1, MaxQueue: 1}).take(1)
				return l, []func(){l.visit(anyway, "a"), l.reconfigure(bulkhead.Config{Limit: 1}), l.release(0)}
			}, func(l *lobby) {
				if len(l.order)+len(l.refused) != 1 {
					l.fault("%q got in and %q were refused", l.order, l.refused)
				}
			},
		},
		"Reconfigure opens the queue, with Delay, beside a caller and a release": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 1}).take(1)
				delay := bulkhead.CoDel{Target: time.Second, Interval: time.Second}
				return l, []func(){l.visit(anyway, "a"), l.reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 1, Delay: delay}), l.release(0)}
			}, func(l *lobby) {
				if len(l.order)+len(l.refused) != 1 {
					l.fault("%q got in and %q were refused", l.order, l.refused)
				}
			},
		},
		"Reconfigure opens the queue and lowers the limit beside a caller": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2}).take(1)
				return l, []func(){
					l.visit(anyway, "a"), func() {
						l.reconfigure(bulkhead.Config{Limit: 1, MaxQueue: 1})()
						l.leaves(l.held[0])
					},
				}
			}, served(1),
		},
		"two Reconfigures beside a waiter": {
			func() (*lobby, []func()) {
				l := newLobby(bulkhead.Config{Limit: 2, MaxQueue: 1}).take(2)
				return l, []func(){
					l.visit(anyway, "a"), l.reconfigure(bulkhead.Config{Limit: 3}),
					l.reconfigure(bulkhead.Config{Limit: 3, MaxQueue: 2}),
				}
			}, served(1),
		},
	}
}

// reconfiguredTaps returns scenes of a rate limiter that is reconfigured.
func reconfiguredTaps() map[string]tapScene {
	return map[string]tapScene{
		"Allow beside Reconfigure": {
			build: func() (*tap, []func()) {
				r := newTap(2)
				cfg := r.Config()
				cfg.Limit, cfg.MaxWait = 3, time.Hour
				return r, []func(){r.allow, r.allow, func() {
					if err := r.Reconfigure(cfg); err != nil {
						r.fault("%v", err)
					}
				}}
			},
			check: func(r *tap) {
				if s := r.Snapshot(); s.Tokens != 0 || r.taken != 2 || r.Config().MaxWait != time.Hour {
					r.fault("%+v, and %d were granted", s, r.taken)
				}
			},
			inside: true,
		},
	}
}
