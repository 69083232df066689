// Package analysis derives from the declaration of policies what they do at worst, and
// what in it cannot work.
//
//	report, err := analysis.Explain(spec, "charge")
//	fmt.Println(report.Attempts.Most, report.Time.Longest)
//	for _, f := range analysis.Check(spec) {
//		fmt.Println(f.Path, f.Text)
//	}
//
// All bounds are for functions that return when their context ends, or timeouts with
// Abandon: other functions can take any time. A bound holds in every state of circuits,
// budgets and queues.
package analysis
