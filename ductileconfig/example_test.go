package ductileconfig_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

const text = `
circuits:
  stripe: {window: 10s, failure_rate: 50%}
pipelines:
  charge:
    total_timeout: 10s
    retry: {max_attempts: 3}
    circuit: stripe
`

func Example() {
	spec, err := ductileconfig.Load(
		ductileconfig.Bytes("ductile.yaml", []byte(text)), // or File("ductile.yaml")
		ductileconfig.Environ("DUCTILE", []string{"DUCTILE__CIRCUITS__STRIPE__WINDOW=1m"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := registry.New(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	charge, err := registry.Pipeline[string](r, "charge")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := charge.Do(context.Background(), func(context.Context) (string, error) { return "charged", nil })
	fmt.Println(answer, err)
	fmt.Println(charge)
	fmt.Println(spec.Circuits["stripe"].Window, "from", spec.Origins["circuits.stripe.window"])
	// Output:
	// charged <nil>
	// timeout(total, 10s) > retry(3) > breaker(stripe)
	// 1m0s from DUCTILE__CIRCUITS__STRIPE__WINDOW
}

func ExampleLoad_faults() {
	_, err := ductileconfig.Load(ductileconfig.Bytes("ductile.yaml", []byte("circuits:\n  stripe:\n    recovery_timout: 60s\n    failure_rate: 7\n")))
	fmt.Println(err)
	// Output:
	// ductile.yaml:3:5: circuits.stripe.recovery_timout: unknown field, did you mean recovery_timeout?
	//     3 |     recovery_timout: 60s
	//       |     ^
	// ductile.yaml:4:19: circuits.stripe.failure_rate is 7, want 0 to 1 (or 0% to 100%)
	//     4 |     failure_rate: 7
	//       |                   ^
}

func ExampleError() {
	_, err := ductileconfig.Load(ductileconfig.Bytes("ductile.yaml", []byte("circuits: {stripe: {window: 10}}\n")))
	if fault, ok := errors.AsType[*ductileconfig.Error](err); ok {
		fmt.Printf("::error file=%s,line=%d,col=%d::%s\n", fault.File, fault.Line, fault.Column, fault.Message())
	}
	// Output:
	// ::error file=ductile.yaml,line=1,col=29::circuits.stripe.window is 10, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 10s?
}

func ExampleMap() {
	fromKoanf := map[string]any{"budgets": map[string]any{"outbound": map[string]any{"ratio": "10%"}}} // k.Raw()
	spec, err := ductileconfig.Load(ductileconfig.Map(fromKoanf))
	fmt.Println(spec.Budgets["outbound"].Ratio, err)
	// Output:
	// 0.1 <nil>
}

func ExampleWatch() {
	dir, err := os.MkdirTemp("", "ductile")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "ductile.yaml")
	write := func(text string) { _ = os.WriteFile(path, []byte(text), 0o600) }

	write("circuits: {stripe: {recovery_timeout: 30s}}\n")
	spec, err := ductileconfig.Load(ductileconfig.File(path))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := registry.New(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	write("circuits: {stripe: {recovery_timeout: 1m}}\n") // the circuit keeps its state

	ctx, cancel := context.WithCancel(context.Background())
	err = ductileconfig.Watch(ctx, r, ductileconfig.WatchConfig{
		OnReload: func(changes registry.Changes, err error) {
			fmt.Println("changed:", changes.Changed, "error:", err)
			cancel()
		},
	}, ductileconfig.File(path))
	fmt.Println(err)
	// Output:
	// changed: [circuits.stripe] error: <nil>
	// <nil>
}
