import type { PartitionRef, Source } from '../contracts.ts'
import { partitionKey } from '../contracts.ts'

/** `share`: the partition has its part of the memory; `memory`: all of it is taken. */
export type PauseReason = 'memory' | 'share' | 'backoff'

/** A partition is fetched when no reason to pause it is left. */
export class Pauses {
  readonly #source: Pick<Source, 'pause' | 'resume'>
  readonly #reasons = new Map<string, Set<PauseReason>>()

  constructor(source: Pick<Source, 'pause' | 'resume'>) {
    this.#source = source
  }

  pause(partitions: readonly PartitionRef[], reason: PauseReason): void {
    const stopped = partitions.filter((partition) => {
      const reasons = this.#reasons.get(partitionKey(partition)) ?? new Set()
      this.#reasons.set(partitionKey(partition), reasons.add(reason))
      return reasons.size === 1
    })
    if (stopped.length > 0) this.#source.pause(stopped)
  }

  resume(partitions: readonly PartitionRef[], reason: PauseReason): void {
    const freed = partitions.filter((partition) => {
      const reasons = this.#reasons.get(partitionKey(partition))
      return reasons?.delete(reason) === true && reasons.size === 0
    })
    if (freed.length > 0) this.#source.resume(freed)
  }

  /** The partition is fetched anew, unpaused. */
  forget(partition: PartitionRef): void {
    this.#reasons.delete(partitionKey(partition))
    this.#source.resume([partition])
  }

  reasons(partition: PartitionRef): readonly PauseReason[] {
    return [...(this.#reasons.get(partitionKey(partition)) ?? [])]
  }
}
