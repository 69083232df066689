package observe

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/internal/redact"
	"github.com/ductile-go/ductile/policy"
)

// Log returns an observer that writes each event to h as one record, if h is enabled for
// its level. Its attributes are those fields of the event that are not zero, by the names
// that they have in JSON, the error's text as "error", and the name given to
// [WithOperation] as "operation".
//
// Rejections come by the thousand while a circuit is open, and their level is Debug. So
// each policy's rejections are also summed up in a record of level Info, "rejected 12,345
// calls", with the attributes policy, name and count (an int64): within LogConfig.Summary
// after a rejection, and when the circuit closes. The counts of all summaries add up to
// the number of rejections.
//
// h is called on the goroutine of the call, or of a timer for summaries, and may be called
// concurrently, as by any slog.Logger. Its errors are ignored. A panic in it passes through to
// the call; one on a timer's goroutine, which no caller would see, is logged by package log. An
// error whose text panics, such as a typed nil, is logged as its type. Log panics if h is nil, and
// with the error of [LogConfig.Validate].
func Log(h slog.Handler, cfg LogConfig) policy.Observer {
	if h == nil {
		panic("observe: Log: handler is nil, want a slog.Handler")
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.Level == nil {
		cfg.Level = DefaultLevel
	}
	if cfg.Redact == nil {
		cfg.Redact = redact.Text
	}
	if cfg.Summary == 0 {
		cfg.Summary = DefaultSummary
	}
	l := &logger{handler: h, cfg: cfg}
	if cfg.Summary > 0 {
		l.summary = newSummary(l)
	}
	l.watches.moved = func(key string, t breaker.Transition) {
		e := eventOf(key, t)
		l.log(context.Background(), &e)
	}
	l.watches.add(cfg.Watch)
	return l.observe
}

type logger struct {
	handler slog.Handler
	cfg     LogConfig
	watches watches
	summary *summary // nil for none
}

func (l *logger) observe(ctx context.Context, e policy.Event) {
	if e.Kind == policy.StateChanged && l.watches.watched(e.Name) {
		return // reported by Circuit.Watch
	}
	l.log(ctx, &e)
}

func (l *logger) log(ctx context.Context, e *policy.Event) {
	if level := l.cfg.Level(*e); l.handler.Enabled(ctx, level) {
		l.write(ctx, level, message(e), l.attributes(ctx, e)...)
	}
	switch {
	case l.summary == nil:
	case e.Kind == policy.Rejected:
		l.summary.count(e)
	case e.Kind == policy.StateChanged && e.To == "closed":
		l.summary.write(ctx, nameOf(e))
	}
}

func (l *logger) write(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	r := slog.NewRecord(policy.Now(l.cfg.Clock), level, message, 0)
	r.AddAttrs(attrs...)
	_ = l.handler.Handle(ctx, r)
}

// messages are the texts of kinds that read badly as their names.
var messages = map[policy.EventKind]string{
	policy.Started:   "call started",
	policy.Finished:  "call finished",
	policy.Attempted: "attempt ended",
	policy.Retried:   "call will be retried",
	policy.Recovered: "call recovered",
	policy.GaveUp:    "retry gave up",
	policy.TimedOut:  "call timed out",
	policy.Rejected:  "call rejected",
	policy.Judged:    "call judged",
	policy.Queued:    "call queued",
	policy.Waited:    "call waited",
	policy.Joined:    "call joined",
	policy.Served:    "call served from cache",
}

// moves are the messages of StateChanged, by the new state.
var moves = map[string]string{
	"open": "circuit opened", "closed": "circuit closed", "half-open": "circuit half-open", "isolated": "circuit isolated",
}

func message(e *policy.Event) string {
	if e.Kind == policy.StateChanged && moves[e.To] != "" {
		return moves[e.To]
	}
	if text := messages[e.Kind]; text != "" {
		return text
	}
	return strings.ReplaceAll(string(e.Kind), "_", " ")
}

// attributes returns those fields of e that are not zero.
func (l *logger) attributes(ctx context.Context, e *policy.Event) []slog.Attr {
	attrs := make([]slog.Attr, 0, 12)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("kind", string(e.Kind))
	text("pipeline", e.Pipeline)
	text("policy", e.Policy)
	text("name", e.Name)
	text("key", l.redacted(e.Key))
	text("operation", Operation(ctx))
	if e.Attempt != 0 {
		attrs = append(attrs, slog.Int("attempt", e.Attempt))
	}
	if e.Delay != 0 {
		attrs = append(attrs, slog.Duration("delay", e.Delay))
	}
	if e.Took != 0 {
		attrs = append(attrs, slog.Duration("took", e.Took))
	}
	if e.Elapsed != 0 {
		attrs = append(attrs, slog.Duration("elapsed", e.Elapsed))
	}
	if e.Outcome != policy.Undecided {
		text("outcome", e.Outcome.String())
	}
	text("from", e.From)
	text("to", e.To)
	text("reason", l.redacted(e.Reason))
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", redact.Error(e.Err, l.cfg.Redact)))
	}
	return attrs
}

// redacted is redact.Error for a text.
func (l *logger) redacted(s string) (shown string) {
	if s == "" {
		return ""
	}
	defer func() {
		if recover() != nil {
			shown = "(cannot be shown: Redact panicked)"
		}
	}()
	return l.cfg.Redact(s)
}
