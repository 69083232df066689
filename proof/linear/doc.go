// Package linear checks that a circuit used by several goroutines behaves as if its
// operations had been done one after another, each at some moment between its call and its
// return.
//
// A history is made by a few clients, one goroutine each. They call Acquire, Record, State,
// Snapshot, Isolate, Reset, Trip and Reconfigure in an order that a seed decides. Virtual
// time stands still while they run, and moves when all of them have stopped. Then the whole
// Snapshot with its counts is compared, and the transitions that Watch and OnStateChange
// reported. Some histories begin with single operations that bring the circuit close to a
// verdict, such as probes that are all Ignored, or a window that is half full. The clock
// yields the processor when it is read, which the circuit does in the middle of its moves.
// In builds with the tag ductile_explore, each atomic operation yields too. In half of the
// phases, one client is held at such a point until all others have made all their
// operations.
//
// The holds are there because of a fault that no history had shown. A window of calls that
// was not full was judged wrongly by a goroutine that was descheduled while eight other
// calls were counted. No client was overtaken by more than a few operations, and the windows
// held four or five calls in rings with room for twelve more. So there is also a mode in
// which up to 24 calls are recorded in a window of 24.
//
// [porcupine] looks for an order. Some operations do not take effect at one moment. The
// specification says so for these:
//
//   - A Record counts its outcome at one moment and moves the circuit at a later one, both
//     before it returns. An operation in between sees the state before the move.
//   - With a SlowRate in a time window, a Record judges at a third moment between the two,
//     since a call may raise one rate and lower the other. It does the same in histories
//     with Reconfigure, where it judges by the config in force at that moment.
//   - An Acquire, State or Snapshot that finds an open circuit's time elapsed moves the
//     circuit at one moment and returns what it finds at a later one. If it finds a circuit
//     open that does not wait, it moves it again: once more for each Trip beside it.
//   - Of several goroutines that Acquire from a half-open circuit at once, one may be refused
//     for a permit, or for the start of a round, that another had taken and did not keep. In
//     shadow it is let through instead and does not count.
//   - The Counts of a transition, and those that an open state shows, are read before the
//     move, one counter after another. Each is a value that the counter has had since the
//     clock last moved.
//
// The tests also play doubles of circuits, gates and limiters, each with a planted fault that
// the checker must find. There the clients are coroutines, and the seed decides which of them
// goes on: what is found must not depend on how busy the machine is.
//
// If the configs of a history have neither a time window nor a SlowCall, Reconfigure is one
// of the operations that run beside the others. With either of them, a Record takes its
// totals, or whether its call was slow, at another moment than its config. Such circuits are
// reconfigured between phases.
//
// [porcupine]: https://github.com/anishathalye/porcupine
package linear
