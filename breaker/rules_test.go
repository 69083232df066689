package breaker

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// Each field by itself, since a field that is lost may hide behind another.
func TestRulesKeepEveryFieldOfAConfig(t *testing.T) {
	values := map[reflect.Type]any{
		reflect.TypeFor[string]():                      "x",
		reflect.TypeFor[int]():                         7,
		reflect.TypeFor[float64]():                     0.5,
		reflect.TypeFor[bool]():                        true,
		reflect.TypeFor[time.Duration]():               time.Minute,
		reflect.TypeFor[policy.Clock]():                fake.NewClock(),
		reflect.TypeFor[func(error) policy.Outcome]():  func(error) policy.Outcome { return policy.Failure },
		reflect.TypeFor[func(Opening) time.Duration](): func(Opening) time.Duration { return 1 },
		reflect.TypeFor[func(Transition)]():            func(Transition) {},
		reflect.TypeFor[func() float64]():              func() float64 { return 0 },
	}
	for i := range reflect.TypeFor[Config]().NumField() {
		cfg := Config{RecoveryTimeout: NoWait}
		field := reflect.ValueOf(&cfg).Elem().Field(i)
		field.Set(reflect.ValueOf(values[field.Type()]))
		r := rulesOf(cfg)
		require.True(t, r.config(cfg.Name).equal(cfg), "%s", reflect.TypeFor[Config]().Field(i).Name)
	}
}
