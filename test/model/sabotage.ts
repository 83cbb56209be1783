import {
  type AssignedPartition,
  type Claim,
  type CommitMark,
  type Delivery,
  type PartitionRef,
  partitionKey,
  type Sink,
  type Source,
  type SourceListener,
  type Tip,
} from '../../consumers/engine/contracts.ts'
import { changedSink } from '../support/fakes/changed-sink.ts'

export interface SabotagedParts {
  readonly source: Source
  readonly sink: Sink
}

/** Makes a right engine behave like one with a certain mistake, by what it is given. */
export type Sabotage = (parts: SabotagedParts) => SabotagedParts

/** Commits what is about to be delivered. */
export const commitsBeforeDelivery: Sabotage = ({ source, sink }) => {
  const generation = generationOf(source)
  const deliver: Sink['deliver'] = async (deliveries, signal) => {
    const next = new Map<PartitionRef, CommitMark>()
    for (const { range } of deliveries) next.set(range.partition, { position: range.last + 1n, note: null })
    await source.commit(generation.current(), next).catch(() => undefined)
    return sink.deliver(deliveries, signal)
  }
  return { source: generation.source, sink: withDeliver(sink, deliver) }
}

/** Begins at the committed offset and never asks the store where it ends. */
export const noTipAtStart: Sabotage = ({ source, sink }) => {
  const committed = new Map<string, bigint | null>()
  const watched = onAssigned(source, (_, partitions) => {
    for (const { partition, facts } of partitions) {
      if (facts === 'kept' || !facts.ok) continue
      const position = facts.committed?.position ?? null
      const beyond = position !== null && position > facts.logEnd
      committed.set(partitionKey(partition), beyond ? facts.logEnd : position)
    }
  })
  const claim = async (partition: PartitionRef, signal: AbortSignal): Promise<Claim> => {
    const real = await sink.claim(partition, signal)
    let asked = false
    const tip = async (tipSignal?: AbortSignal): Promise<Tip> => {
      const truth = await real.tip(tipSignal)
      if (asked) return truth
      asked = true
      const last = (committed.get(partitionKey(partition)) ?? 0n) - 1n
      return { ...truth, last: last < 0n ? null : last, lastRecord: null }
    }
    return passingFor(real, tip)
  }
  return { source: watched, sink: withClaims(sink, claim) }
}

/** After a failed delivery it takes for granted that nothing was written. */
export const noTipAfterFailure: Sabotage = ({ source, sink }) => {
  const known = new WeakMap<Claim, Tip>()
  const claim = async (partition: PartitionRef, signal: AbortSignal): Promise<Claim> => {
    const real = await sink.claim(partition, signal)
    const wrapped = passingFor(real, async (tipSignal) => {
      const tip = known.get(wrapped) ?? (await real.tip(tipSignal))
      known.set(wrapped, tip)
      return tip
    })
    return wrapped
  }
  const wrappedSink = withClaims(sink, claim)
  const deliver: Sink['deliver'] = async (deliveries, signal) => {
    const outcomes = await wrappedSink.deliver(deliveries, signal)
    deliveries.forEach(({ claim: held, range }, at) => {
      const tip = known.get(held)
      if (outcomes[at] === 'delivered' && tip !== undefined) {
        known.set(held, { ...tip, last: range.last, lastRecord: null })
      }
    })
    return outcomes
  }
  return { source, sink: withDeliver(wrappedSink, deliver) }
}

/** Takes the offset behind a hole for the next one: what was lost is skipped without a word. */
export const skipsHoles: Sabotage = ({ source, sink }) => {
  const claim = async (partition: PartitionRef, signal: AbortSignal): Promise<Claim> => {
    const real = await sink.claim(partition, signal)
    const tip = async (tipSignal?: AbortSignal): Promise<Tip> => ({
      ...(await real.tip(tipSignal)),
      acceptedLossThrough: 2n ** 62n,
    })
    return passingFor(real, tip)
  }
  return { source, sink: withClaims(sink, claim) }
}

const realClaims = new WeakMap<Claim, Claim>()

/** A claim that answers differently, and stands for the real one in deliveries. */
function passingFor(real: Claim, tip: Claim['tip']): Claim {
  const claim = { partition: real.partition, tip }
  realClaims.set(claim, real)
  return claim
}

function withClaims(sink: Sink, claim: Sink['claim']): Sink {
  const real = ({ claim: held, range }: Delivery) => ({ claim: realClaims.get(held) ?? held, range })
  return changedSink(sink, {
    claim,
    deliver: (deliveries, signal) => sink.deliver(deliveries.map(real), signal),
  })
}

function withDeliver(sink: Sink, deliver: Sink['deliver']): Sink {
  return changedSink(sink, {
    deliver,
  })
}

function generationOf(source: Source) {
  let generation = 0
  const watched = onAssigned(source, (next) => {
    generation = next
  })
  return { current: () => generation, source: watched }
}

function onAssigned(
  source: Source,
  look: (generation: number, partitions: readonly AssignedPartition[]) => void,
): Source {
  const watching = (listener: SourceListener): SourceListener => ({
    assigned: (generation, partitions, signal) => {
      look(generation, partitions)
      listener.assigned(generation, partitions, signal)
    },
    partitionFailed: (generation, partition, error) => listener.partitionFailed(generation, partition, error),
    topicConcern: (topic, error) => listener.topicConcern(topic, error),
    batch: (batch) => listener.batch(batch),
    crashed: (error) => listener.crashed(error),
  })
  return {
    start: (listener) => source.start(watching(listener)),
    commit: (generation, marks) => source.commit(generation, marks),
    read: (generation, partition, position) => source.read(generation, partition, position),
    release: (partition) => source.release(partition),
    facts: (partitions) => source.facts(partitions),
    bounds: (partitions) => source.bounds(partitions),
    pause: (partitions) => source.pause(partitions),
    resume: (partitions) => source.resume(partitions),
    quiesce: () => source.quiesce(),
    stop: () => source.stop(),
  }
}
