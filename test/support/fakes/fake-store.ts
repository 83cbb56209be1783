import type { CheckedRecord, PartitionRef, Range, Tip } from '../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { higher } from '../../../consumers/engine/range.ts'
import { fakeFingerprint } from './fake-fingerprint.ts'

/**
 * How the store keeps a second writer out.
 * `fence`: a claim raises the partition's epoch and waits for, or ends, the writes of earlier claims; a write is
 * refused whole when its epoch is not the newest at its analysis (the hot store's way).
 * `create_only`: a range is an object under the key of its first offset, which can be made once (the archive's way).
 * The last two are broken on purpose, for the tests of the tests.
 * `none`: anyone writes. `deadline`: a claim is good until a time, which the writer itself checks before it sends.
 */
export type Exclusion = 'fence' | 'create_only' | 'none' | 'deadline'

export interface RunningWrite {
  readonly epoch: bigint
  readonly ranges: readonly Range[]
  ended: 'running' | 'applied' | 'killed'
}

interface StoredPartition {
  readonly ref: PartitionRef
  epoch: bigint
  leaseUntil: number
  readonly ranges: Range[]
  acceptedLossThrough: bigint | null
}

/** The store itself, without wire: what it holds, who may write, what is being written. Every change is atomic. */
export class FakeStore {
  readonly exclusion: Exclusion
  readonly #partitions = new Map<string, StoredPartition>()
  readonly #topicIds = new Map<string, string>()
  readonly #running = new Set<RunningWrite>()
  readonly #onApplied: (range: Range, before: bigint) => void

  constructor(exclusion: Exclusion, onApplied: (range: Range, before: bigint) => void = () => undefined) {
    this.exclusion = exclusion
    this.#onApplied = onApplied
  }

  /** False where the store knows the topic's name under another id. */
  knows(ref: PartitionRef): boolean {
    const known = this.#topicIds.get(ref.topic)
    if (known === undefined) this.#topicIds.set(ref.topic, ref.topicId)
    return known === undefined || known === ref.topicId
  }

  raiseEpoch(ref: PartitionRef, leaseUntil: number): bigint {
    const stored = this.#stored(ref)
    stored.epoch++
    stored.leaseUntil = leaseUntil
    return stored.epoch
  }

  leaseUntil(ref: PartitionRef): number {
    return this.#stored(ref).leaseUntil
  }

  /** Writes to `ref` that have not ended, under the epochs that `concerns` names. */
  running(ref: PartitionRef, concerns: (epoch: bigint) => boolean): readonly RunningWrite[] {
    const key = partitionKey(ref)
    const touches = (write: RunningWrite) =>
      write.ranges.some((range) => partitionKey(range.partition) === key)
    return [...this.#running].filter((write) => concerns(write.epoch) && touches(write))
  }

  /** The write takes no effect any more, unless it has taken it. */
  kill(write: RunningWrite): void {
    if (write.ended === 'running') write.ended = 'killed'
    this.#running.delete(write)
  }

  /** The analysis of a write: whether this claim is still the newest. */
  admits(ref: PartitionRef, epoch: bigint): boolean {
    return this.exclusion !== 'fence' || this.#stored(ref).epoch === epoch
  }

  begin(epoch: bigint, ranges: readonly Range[]): RunningWrite {
    const write: RunningWrite = { epoch, ranges, ended: 'running' }
    this.#running.add(write)
    return write
  }

  /** The write takes effect, whole. */
  apply(write: RunningWrite): void {
    if (write.ended !== 'running') return
    write.ended = 'applied'
    this.#running.delete(write)
    for (const range of write.ranges) {
      const stored = this.#stored(range.partition)
      const before = stored.ranges.at(-1)?.last ?? -1n
      stored.ranges.push(range)
      this.#onApplied(range, before)
    }
  }

  /** The object that begins at this offset, if there is one. */
  objectAt(ref: PartitionRef, first: bigint): Range | null {
    return this.#stored(ref).ranges.find((range) => range.first === first) ?? null
  }

  acceptLoss(ref: PartitionRef, through: bigint): void {
    const stored = this.#stored(ref)
    stored.acceptedLossThrough = higher(through, stored.acceptedLossThrough ?? through)
  }

  tip(ref: PartitionRef): Tip {
    const stored = this.#stored(ref)
    const last = stored.ranges.at(-1)
    const record = last?.records.at(-1)
    return {
      last: last?.last ?? null,
      lastRecord:
        record === undefined
          ? null
          : { offset: record.record.offset, hash: fakeFingerprint(record), kind: kindOf(record) },
      acceptedLossThrough: stored.acceptedLossThrough,
    }
  }

  ranges(ref: PartitionRef): readonly Range[] {
    return this.#stored(ref).ranges
  }

  #stored(ref: PartitionRef): StoredPartition {
    const known = this.#partitions.get(partitionKey(ref))
    if (known !== undefined) return known
    const fresh = { ref, epoch: 0n, leaseUntil: 0, ranges: [], acceptedLossThrough: null }
    this.#partitions.set(partitionKey(ref), fresh)
    return fresh
  }
}

function kindOf({ verdict }: CheckedRecord): 'event' | 'tombstone' | 'quarantined' {
  return verdict.kind === 'bad' ? 'quarantined' : verdict.kind
}
