// Package linear checks that a circuit used by many at once behaves as if its
// operations had been done one after another, each at some moment between its
// call and its return.
//
// A history is made by a few goroutines that call Acquire, Record, State, Snapshot,
// Isolate, Reset, Trip and Reconfigure as a seed says. Virtual time stands still
// while they run and moves when they have all come to rest. There, the whole
// Snapshot with its counters is compared, and what Watch and OnStateChange told.
// Some histories begin with operations one after another that bring the circuit
// close to a verdict: probes that are all Ignored, or a window that is half full.
// The clock yields the processor when it is read, which the circuit does in the
// middle of its moves; built with the tag ductile_explore, so does each atomic
// operation. In half of the phases one caller is held up at one of these places until
// all others have made all their operations.
//
// A window of calls that is not full was once judged wrongly, by a caller that was held
// up while eight others were counted, and no history showed it: a caller was never
// overtaken by more than a few operations, and the windows held four or five calls, in
// rings with room for twelve more. So there are hold-ups, and a crowd that records up
// to 24 calls in a window of 24.
//
// [porcupine] looks for an order. Some things are looser than one moment an
// operation, and are spelt out in the specification:
//
//   - A Record counts its outcome and moves the circuit at two moments, in this
//     order, both before it returns. A call that ends between them has seen the
//     state before.
//   - With a SlowRate in a time window, a Record also judges at a moment of its own,
//     between those two: a call may make one rate more and the other less. So it does
//     where histories reconfigure: it judges by the config that is in force then.
//   - An Acquire, State or Snapshot that finds an open circuit's time elapsed moves
//     it at one moment and takes what it finds at another, later one.
//   - Of several that Acquire from a half-open circuit at the same time, one may be
//     refused for a place, or for the beginning of a new round, that another had
//     taken and did not keep, because the circuit moved on meanwhile or another
//     was first. None is admitted for that reason, but in shadow, where it is let
//     through and counts for nothing.
//   - The Counts of a transition, and those that an open state shows, are read before
//     the move, one after another. Each is one that the state had since the last rest.
//
// Where the configs of a history have neither a time window nor a SlowCall, Reconfigure
// is one of the operations that run beside the others. With either, a Record takes its
// totals, or whether its call was slow, at another moment than the config that it is
// judged by. There the circuit is reconfigured between phases.
//
// [porcupine]: https://github.com/anishathalye/porcupine
package linear
