import type { Sink } from '../../../consumers/engine/contracts.ts'

/** A sink that does `changes` in place of what `sink` does, and all else as that one. */
export function changedSink(sink: Sink, changes: Partial<Sink>): Sink {
  return {
    name: sink.name,
    claim: (partition, signal) => sink.claim(partition, signal),
    deliver: (deliveries, signal) => sink.deliver(deliveries, signal),
    fingerprint: (record, partition) => sink.fingerprint(record, partition),
    close: () => sink.close(),
    ...changes,
  }
}
