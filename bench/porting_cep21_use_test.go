package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/cep21/circuit/v4"
	"github.com/cep21/circuit/v4/closers/hystrix"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

var cep21UseRows = map[string]func(*testing.T){
	"`h.Execute(ctx, run, fallback)`": func(t *testing.T) {
		ctx, h, c := t.Context(), hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		theirs, ours := []error{}, []error{}
		for range 2 { // the first fails, and the second is refused
			run, fallback := fail.ctx, func(_ context.Context, err error) error { theirs = append(theirs, err); return nil }
			require.NoError(t, h.Execute(ctx, run, fallback))
		}
		for range 2 {
			run, fallback := policy.Func[T](fail.fn), func(_ context.Context, err error) (T, error) { ours = append(ours, err); return 0, nil }
			_, err := pipeline.New(policy.Fallback(fallback), breaker.New[T](c)).Do(ctx, run)
			require.NoError(t, err)
		}
		assert.Equal(t, errDown, theirs[0])
		assert.Equal(t, errDown, ours[0])
		var open circuit.Error
		require.ErrorAs(t, theirs[1], &open)
		assert.True(t, open.CircuitOpen())
		assert.ErrorIs(t, ours[1], breaker.ErrOpen)
	},
	"`h.Go(ctx, run, fallback)`": func(t *testing.T) {
		const d = time.Second
		deaf := func(context.Context) error { time.Sleep(3 * d); return errDown }
		var lost, late error
		theirs := follow(t, nil, func(ctx context.Context, _ *trail) error {
			h := hystrixOf(hystrix.ConfigureOpener{}, hystrix.ConfigureCloser{}, circuit.Config{
				Execution: circuit.ExecutionConfig{Timeout: d},
				General:   circuit.GeneralConfig{GoLostErrors: func(err error, _ any) { lost = err }},
			})
			run, fallback := deaf, func(_ context.Context, err error) error { return err }
			return h.Go(ctx, run, fallback)
		})
		ours := follow(t, nil, func(ctx context.Context, _ *trail) error {
			limit := policy.NewTimeout[T](policy.TimeoutConfig{After: d, Abandon: true}).WithOnLate(func(_ T, err error) { late = err })
			_, err := limit.Do(ctx, func(ctx context.Context) (T, error) { return 0, deaf(ctx) })
			return err
		})
		assert.Equal(t, d, theirs.over)
		assert.Equal(t, d, ours.over)
		assert.ErrorIs(t, theirs.err, context.DeadlineExceeded)
		assert.ErrorIs(t, ours.err, context.DeadlineExceeded)
		assert.Equal(t, errDown, lost)
		assert.Equal(t, errDown, late)
	},
	"`h.OpenCircuit(ctx)`, `h.CloseCircuit(ctx)`": bubble(func(t *testing.T) {
		ctx, h, c := t.Context(), hystrixRow(5, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{})
		h.OpenCircuit(ctx)
		c.Trip(0, "")
		assert.Equal(t, 0, refusedAt("S", 0, viaCep21(h)))
		assert.Equal(t, 0, refusedAt("S", 0, through(c)))
		h.CloseCircuit(ctx)
		c.Reset()
		assert.Equal(t, 1, refusedAt("S", 0, viaCep21(h)))
		assert.Equal(t, 1, refusedAt("S", 0, through(c)))
	}),
	"`ForceOpen: true`": bubble(func(t *testing.T) {
		h := hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{General: circuit.GeneralConfig{ForceOpen: true}})
		c := breaker.NewCircuit(breaker.Config{})
		c.Isolate("")
		time.Sleep(time.Minute)
		assert.True(t, h.IsOpen())
		assert.Equal(t, 0, refusedAt("S", 0, through(c)))
		assert.Equal(t, 1, refusedAt("S", 0, viaCep21(h)), "theirs lets probes through all the same")
	}),
	"`ForcedClosed: true`": bubble(func(t *testing.T) {
		h := hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{General: circuit.GeneralConfig{ForcedClosed: true}})
		c := breaker.NewCircuit(breaker.Config{FailureThreshold: 1, Shadow: true})
		assert.Equal(t, 5, refusedAt("FFFFF", 0, viaCep21(h)))
		assert.Equal(t, 5, refusedAt("FFFFF", 0, through(c)))
		assert.False(t, h.IsOpen())
		assert.Equal(t, breaker.Open, c.State(), "ours moves, and refuses nothing")
	}),
	"`h.IsOpen()`": bubble(func(t *testing.T) {
		h, c := hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		assert.Equal(t, h.IsOpen(), c.State() != breaker.Closed)
		viaCep21(h)(failing)
		through(c)(failing)
		assert.Equal(t, h.IsOpen(), c.State() != breaker.Closed)
		time.Sleep(time.Minute)
		assert.True(t, h.IsOpen(), "also in what is half-open here")
		assert.Equal(t, breaker.HalfOpen, c.State())
	}),
	"`circuit.Error`, its `CircuitOpen()`": func(t *testing.T) {
		h, c := hystrixRow(1, hystrix.ConfigureCloser{}, circuit.Config{}), breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
		viaCep21(h)(failing)
		through(c)(failing)
		var theirs circuit.Error
		require.ErrorAs(t, h.Run(t.Context(), succeed.ctx), &theirs)
		assert.True(t, theirs.CircuitOpen())
		assert.ErrorIs(t, refusal(c, succeeding), breaker.ErrOpen)
	},
	"`manager.GetCircuit(name)`": func(t *testing.T) {
		const name = "stripe"
		manager := &circuit.Manager{}
		manager.MustCreateCircuit(name)
		circuits := keyed.New(keyed.Config[string, *breaker.Circuit]{Make: func(name string) *breaker.Circuit {
			return breaker.NewCircuit(breaker.Config{Name: name})
		}})
		assert.Equal(t, name, manager.GetCircuit(name).Name())
		assert.Equal(t, name, circuits.Get(name).Name())
		assert.Same(t, circuits.Get(name), circuits.Get(name))
		assert.Nil(t, manager.GetCircuit("other"), "theirs is created first")
		assert.NotNil(t, circuits.Get("other"))
	},
}
