// Package ductileprom exports what package observe counts to Prometheus
// (github.com/prometheus/client_golang).
//
//	stats := observe.New(observe.Config{})
//	stats.Watch(circuit, budget)
//	p = p.WithObserver(stats.Observe)
//
//	registry := prometheus.NewRegistry()
//	registry.MustRegister(ductileprom.NewCollector(stats))
//	http.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
//
// A scrape reads one [observe.Stats.Snapshot]. Between scrapes the collector does nothing,
// and calls do no work for it.
//
// Metrics are named after the instruments that [observe.Instruments] lists:
//
//	ductile_call_duration_seconds    histogram  pipeline, outcome, rescue, error_type, operation
//	ductile_attempt_duration_seconds histogram  pipeline, policy, attempt_type, outcome, error_type
//	ductile_call_attempts            histogram  pipeline
//	ductile_retry_delay_seconds      histogram  pipeline, policy, source
//	ductile_rejections_total         counter    pipeline, policy, policy_type, reason
//	ductile_calls_in_flight          gauge      pipeline
//	ductile_circuit_calls_total      counter    circuit, outcome, slow
//	ductile_circuit_state            gauge      circuit, state
//	ductile_circuit_transitions_total counter   circuit, from, to
//	ductile_queue_wait_seconds       histogram  policy, policy_type
//	ductile_queue_length             gauge      policy, policy_type
//	ductile_permits_used             gauge      policy, policy_type
//	ductile_permits_limit            gauge      policy, policy_type
//	ductile_budget_remaining_ratio   gauge      policy
//	ductile_throttle_rate_ratio      gauge      policy
//	ductile_series_dropped_total     counter
//
// All series of a metric have the same labels: one that does not apply is "", which
// Prometheus treats as absent. Histograms, counters of calls and circuits also have the
// label key, for observe.Config.MaxKeys. Each metric with labels has otel_metric_overflow:
// "true" marks the one series that counts what was beyond observe.Config.MaxSeries.
//
// Histograms have classic buckets and native ones with 8 buckets for each power of two.
// Prometheus takes native ones where it scrapes them; other systems see the classic ones.
package ductileprom
