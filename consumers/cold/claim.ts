import { equalBytes } from '../../proof/crypto.ts'
import type { Failpoints } from '../../runtime/failpoints.ts'
import type { Claim, LogBounds, PartitionRef, Tip } from '../engine/contracts.ts'
import { acceptedThrough } from './accepted-loss.ts'
import type { ColdWriterContext } from './options.ts'
import { lastObject } from './stored-objects.ts'
import { startOfTree } from './tree-start.ts'
import { emptyTree, nextOffset, type TreeState } from './tree-state.ts'
import { contradicted, readVerified, type VerifiedObject } from './verified-object.ts'

/**
 * What a worker knows of one partition's archive. It excludes nobody: of two writers, the one whose create-only PUT
 * comes second learns of the other. `state` moves only to what the store has confirmed.
 */
export class ColdClaim implements Claim {
  readonly partition: PartitionRef
  readonly #context: ColdWriterContext
  readonly #failpoints: Failpoints
  #state: TreeState = emptyTree(0)

  constructor(o: {
    readonly partition: PartitionRef
    readonly context: ColdWriterContext
    readonly failpoints: Failpoints
  }) {
    this.partition = o.partition
    this.#context = o.context
    this.#failpoints = o.failpoints
  }

  get state(): TreeState {
    return this.#state
  }

  /** Finds the end of the archive, or that it was started, or starts it where that is for a worker to do. */
  async open(signal: AbortSignal, log?: LogBounds | null): Promise<void> {
    await this.#failpoints.hit('fence.before')
    const found = await this.#refresh(signal)
    if (!found) {
      const { minute } = await startOfTree(this.#context, this.partition, log, signal)
      this.#state = emptyTree(minute)
    }
    await this.#failpoints.hit('fence.after')
  }

  async tip(signal?: AbortSignal): Promise<Tip> {
    await this.#failpoints.hit('tip.before')
    await this.#refresh(signal)
    const next = nextOffset(this.#state)
    const acceptedLossThrough = await acceptedThrough(this.#context, this.partition, next, signal)
    await this.#failpoints.hit('tip.after')
    return { last: this.#state.last, lastRecord: this.#state.lastRecord, acceptedLossThrough }
  }

  /** `state` is in the store: written by this worker, or read and verified. */
  advance(state: TreeState): void {
    this.#state = state
  }

  /**
   * Goes on to an object that was found in the store.
   * @throws DaybookError DAYBOOK_COLD_CONTRADICTED when it does not continue what this worker knows.
   */
  adopt(object: VerifiedObject): void {
    const { header } = object
    const next = nextOffset(this.#state)
    const size = this.#state.frontier.end
    if (header.first < next || header.treeSize < size) {
      throw contradicted(header.key, 'it begins before the end that this worker has seen')
    }
    if (header.first === next) {
      const hashes = this.#state.frontier.hashes
      const same =
        header.treeSize === size &&
        hashes.length === header.frontier.length &&
        hashes.every((hash, i) => equalBytes(hash, header.frontier[i] ?? new Uint8Array(0)))
      if (!same) throw contradicted(header.key, 'its tree does not continue the tree before it')
    }
    this.#state = object.state
  }

  /** True when the archive holds an object. */
  async #refresh(signal: AbortSignal | undefined): Promise<boolean> {
    const { key } = this.#state
    const stored = await lastObject(this.#context, this.partition, { after: key, signal })
    if (stored === null) return key !== null
    const object = await readVerified(this.#context, this.partition, stored, signal)
    if (key === null) this.#state = object.state
    else this.adopt(object)
    return true
  }
}
