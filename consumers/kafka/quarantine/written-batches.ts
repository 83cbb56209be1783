import { createHash } from 'node:crypto'
import { type BadBatch, type PartitionRef, partitionKey } from '../../engine/contracts.ts'

/** So many are remembered: what is older is written again when it comes again, and counts once all the same. */
const MAX_REMEMBERED = 10_000

/**
 * Which bad batches are in the quarantine already. By place, bytes and list of bad records, not by object: a delivery
 * that is tried again, or a partition that is read again, brings the same batch as another object.
 */
export class WrittenBatches {
  readonly #written = new Set<string>()
  readonly #keys = new WeakMap<BadBatch, string>()

  has(partition: PartitionRef, batch: BadBatch): boolean {
    return this.#written.has(this.#key(partition, batch))
  }

  add(partition: PartitionRef, batches: readonly BadBatch[]): void {
    for (const batch of batches) this.#written.add(this.#key(partition, batch))
    for (const oldest of this.#written) {
      if (this.#written.size <= MAX_REMEMBERED) return
      this.#written.delete(oldest)
    }
  }

  #key(partition: PartitionRef, batch: BadBatch): string {
    const known = this.#keys.get(batch)
    if (known !== undefined) return known
    const { first, last, bytes, bad } = batch
    const hash = createHash('sha256').update(bytes)
    for (const { offset, code } of bad) hash.update(`${offset} ${code},`)
    const key = `${partitionKey(partition)} ${first} ${last} ${hash.digest('base64')}`
    this.#keys.set(batch, key)
    return key
  }
}
