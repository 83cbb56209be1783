import { createHash } from 'node:crypto'
import { BATCH_HEADER_BYTES } from '../../../runtime/kafka-wire/batch-header.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { isIntact } from '../protocol/batch-checksum.ts'
import { extentAt } from '../protocol/batch-extents.ts'

/** How often a batch is fetched until it comes with the same bytes twice in a row. */
const MAX_FETCHES = 5

/** What of a fetch answer may be handed over now. */
export interface Examined {
  /** Up to the first batch that has to be fetched again. */
  readonly recordBatches: Buffer
  /** Where in it the batches begin that do not match their checksum, and are like that in the log. */
  readonly damagedAt: ReadonlySet<number>
}

/**
 * Looks for signs that one partition's batches were changed on their way here. What follows from such a batch stays: it
 * is set aside for good, or its partition stops. So it is fetched again, and believed only when the same bytes came twice
 * in a row. Signs are a checksum that does not match, a record format or a length that cannot be, and, since the
 * checksum does not cover them, offsets that do not go on where the batch before ended. A batch of an older record format
 * counts as well: one changed bit makes it out of a newer one.
 */
export class DamageWatch {
  readonly #ref: PartitionRef
  /** Hashes of the batches in doubt of the last answer, where one of them was to be fetched again. */
  #doubted: ReadonlySet<string> = new Set()
  /** Of the batch at which the last answer was cut. */
  #fetches = 0
  #leastFetchBytes = 0

  constructor(ref: PartitionRef) {
    this.#ref = ref
  }

  /** What the next answer must have room for, so that more than the batch in doubt is in it; 0: no matter. */
  get leastFetchBytes(): number {
    return this.#leastFetchBytes
  }

  /**
   * The next fetch must begin where the answer that is given ends.
   * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT where a batch came with other bytes each time
   */
  examine(recordBatches: Buffer, { from, readableEnd }: FetchedStretch): Examined {
    const doubted = new Set<string>()
    const damagedAt = new Set<number>()
    let cut: number | null = null
    let lastAt = -1
    let reach: bigint | null = null
    for (const { at, bytes, last, isDoubtful, isDamaged } of examinedBatches(recordBatches, from)) {
      reach = last
      if (isDoubtful) {
        const hash = createHash('sha256').update(bytes).digest('base64')
        doubted.add(hash)
        if (!this.#doubted.has(hash)) cut ??= at
      }
      if (isDamaged) damagedAt.add(at)
      if (cut === null) lastAt = at
    }
    // A damaged batch may not say truly where it ends; the one behind it does, and must be there where there is one.
    const isLogsLast = lastAt === 0 && cut === null && reach !== null && reach + 1n === readableEnd
    if (damagedAt.has(lastAt) && !isLogsLast) cut = lastAt
    // Not even one whole batch: its length is not what it was.
    if (lastAt === -1) cut ??= 0
    this.#leastFetchBytes = cut === 0 ? 2 * recordBatches.length : 0
    this.#doubted = cut === null ? new Set() : doubted
    this.#count(cut)
    return { recordBatches: recordBatches.subarray(0, cut ?? recordBatches.length), damagedAt }
  }

  /** Where the answer was cut behind other batches, the next one begins with the batch in doubt. */
  #count(cut: number | null): void {
    if (cut === null) this.#fetches = 0
    else if (cut > 0) this.#fetches = 1
    else this.#fetches += 1
    if (this.#fetches < MAX_FETCHES) return
    const { topic, topicId, partition } = this.#ref
    throw new DaybookError(
      'DAYBOOK_KAFKA_BATCH_CORRUPT',
      `${topic}/${partition}: a damaged record batch was fetched ${MAX_FETCHES} times and came with other bytes each ` +
        'time; check the network and the memory of the machines on the way',
      { details: { topic, topicId, partition } },
    )
  }
}

/** Offsets. */
export interface FetchedStretch {
  /** What was asked for. */
  readonly from: bigint
  /** From here on the log held nothing that may be read. */
  readonly readableEnd: bigint
}

interface ExaminedBatch {
  readonly at: number
  readonly bytes: Buffer
  /** Offset; null where it cannot be told. */
  readonly last: bigint | null
  readonly isDoubtful: boolean
  /** It does not match its checksum. */
  readonly isDamaged: boolean
}

function* examinedBatches(recordBatches: Buffer, from: bigint): Generator<ExaminedBatch, void, undefined> {
  /** Where the next batch should begin; null: cannot be told. */
  let expected: bigint | null = from
  for (let at = 0; ; ) {
    const extent = extentAt(recordBatches, at)
    if (extent === null) return
    if ('fault' in extent) {
      const bytes = recordBatches.subarray(at, at + BATCH_HEADER_BYTES)
      yield { at, bytes, last: null, isDoubtful: true, isDamaged: false }
      return
    }
    const bytes = recordBatches.subarray(at, extent.end)
    const isDamaged = extent.magic === 2 && !isIntact(bytes)
    const isCertain = extent.magic === 2 && !isDamaged
    const goesOn: boolean = expected === null || extent.first === expected
    yield { at, bytes, last: extent.last, isDoubtful: !isCertain || !goesOn, isDamaged }
    expected = isCertain ? extent.last + 1n : null
    at = extent.end
  }
}
