// Package questions asks the simulator: what if a setting were another, how much load does an
// outage leave room for, and which setting matters.
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
