import type { Claim, PartitionRef, Tip } from '../../engine/contracts.ts'
import type { FenceRow } from './fence.ts'

/**
 * - `settled`: every insert under the owner id has been answered; the store's tip is final.
 * - `unsettled`: an insert under the owner id may still take effect.
 * - `lost`: another owner is known to be current. It stays so: whoever wants the partition claims it again.
 */
export type ClaimState = 'settled' | 'unsettled' | 'lost'

/**
 * A claim of the hot store. Its owner id changes after an insert without an answer: what may still be on its way to
 * the store carries the old id, and the fence refuses it. State changes only by the methods, named after what
 * happened.
 */
export class HotClaim implements Claim {
  readonly partition: PartitionRef
  #state: ClaimState = 'settled'
  #epoch: bigint
  #owner: string
  #knownTip: bigint
  #recordedTip: bigint
  readonly #ask: (claim: HotClaim, signal: AbortSignal | undefined) => Promise<Tip>

  constructor(o: {
    readonly partition: PartitionRef
    readonly epoch: bigint
    readonly owner: string
    /** What the fence row of this claim says. */
    readonly tip: bigint
    readonly ask: (claim: HotClaim, signal: AbortSignal | undefined) => Promise<Tip>
  }) {
    this.partition = o.partition
    this.#epoch = o.epoch
    this.#owner = o.owner
    this.#knownTip = o.tip
    this.#recordedTip = o.tip
    this.#ask = o.ask
  }

  tip(signal?: AbortSignal): Promise<Tip> {
    return this.#ask(this, signal)
  }

  get state(): ClaimState {
    return this.#state
  }

  get isLost(): boolean {
    return this.#state === 'lost'
  }

  /** The id under which inserts go out now. */
  get owner(): string {
    return this.#owner
  }

  /** What a fence row says so that the fence carries all that is known of the tip; null: it does already. */
  get unrecordedTip(): FenceRow | null {
    return this.#knownTip > this.#recordedTip && !this.isLost ? this.fenceRow(this.#knownTip) : null
  }

  /** The greatest tip that a fence row of this partition is known to hold; -1: none. */
  get recordedTip(): bigint {
    return this.#recordedTip
  }

  /** A row of the fence that records a tip and changes no owner. */
  fenceRow(tip: bigint): FenceRow {
    return { partition: this.partition, epoch: this.#epoch, owner: this.#owner, tip }
  }

  /** An insert goes out. Until it is `settled` it may take effect at any time. */
  beginInsert(): void {
    if (this.#state !== 'settled') throw new Error(`an insert was begun under a claim that is ${this.#state}`)
    this.#state = 'unsettled'
  }

  /**
   * The store has answered the insert that went out under `owner`, or it is certain that none runs. An answer that
   * comes when the claim goes by another id says nothing about the inserts of that one.
   */
  settled(owner: string): void {
    if (this.#state === 'unsettled' && owner === this.#owner) this.#state = 'settled'
  }

  /** The fence has a new id for this claim. Inserts of the old one may still run: `settled` when none does. */
  renewedAs({ epoch, owner }: Pick<FenceRow, 'epoch' | 'owner'>): void {
    if (this.#state === 'lost') throw new Error('a lost claim was renewed')
    this.#epoch = epoch
    this.#owner = owner
    this.#state = 'unsettled'
  }

  lost(): void {
    this.#state = 'lost'
  }

  /** The store has dealt with every offset up to this one. */
  dealtWith(last: bigint): void {
    if (last > this.#knownTip) this.#knownTip = last
  }

  /** A fence row that says so is durable. */
  tipRecorded(last: bigint): void {
    this.dealtWith(last)
    if (last > this.#recordedTip) this.#recordedTip = last
  }
}
