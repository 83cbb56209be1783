import type { Claim, PartitionRef, Tip } from '../../engine/contracts.ts'

/**
 * A claim of the hot store. Its owner id changes when an insert ended ambiguously: what may still lie on its way to
 * the store carries the old id, and the fence refuses it.
 */
export class HotClaim implements Claim {
  readonly partition: PartitionRef
  epoch: bigint
  owner: string
  /** An insert under `owner` may still take effect. */
  ambiguous = false
  /** Another owner is known to be current: it stays so. */
  lost = false
  /** The last offset known to be dealt with; -1: none. Never ahead of the store. */
  knownTip: bigint
  /** What the newest fence row of this claim says. */
  recordedTip: bigint
  readonly #tip: (claim: HotClaim, signal: AbortSignal | undefined) => Promise<Tip>

  constructor(o: {
    readonly partition: PartitionRef
    readonly epoch: bigint
    readonly owner: string
    readonly tip: bigint
    readonly ask: (claim: HotClaim, signal: AbortSignal | undefined) => Promise<Tip>
  }) {
    this.partition = o.partition
    this.epoch = o.epoch
    this.owner = o.owner
    this.knownTip = o.tip
    this.recordedTip = o.tip
    this.#tip = o.ask
  }

  tip(signal?: AbortSignal): Promise<Tip> {
    return this.#tip(this, signal)
  }
}
