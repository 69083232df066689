// Package questions runs simulations to answer questions: what another value of a setting
// changes, how much load leaves room for an outage, and which setting matters most.
//
//	result, err := questions.Sweep(ctx, questions.Config{Name: "max attempts"}, []int{1, 2, 3, 4, 5},
//		func(attempts int) (sim.Scenario, error) { return outage(attempts), nil })
//	if err != nil {
//		return err
//	}
//	return result.WriteText(os.Stdout)
//
// [Sweep] runs a scenario for each value, [Survives] finds the highest utilization at which an
// outage is survived, and [Tornado] sorts settings by their effect. All of them run on all
// cores, give the same answer each time, and stop when their context ends.
package questions
