import type { AbortedTransaction } from '../../../consumers/kafka/protocol/fetch-request.ts'
import { buildBatch, buildMarker } from '../../unit/consumers/kafka/protocol/batch-builder.ts'
import { sealed } from '../raw-produce.ts'
import type { RandomSource } from './random-source.ts'

export interface TransactionalLog {
  readonly batches: Buffer
  /** As a broker lists them. */
  readonly aborted: readonly AbortedTransaction[]
}

/** Transactions of three producers in one log, interleaved, each committed or aborted; some markers are odd. */
export function randomTransactions(random: RandomSource): TransactionalLog {
  const open = new Map<bigint, bigint>()
  const aborted: AbortedTransaction[] = []
  const batches: Buffer[] = []
  let base = 0n
  for (let left = 2 + random.int(14); left > 0; left--) {
    const producerId = BigInt(random.int(3))
    const first = open.get(producerId)
    if (first !== undefined && random.once(2)) {
      const kind = random.pick(['commit', 'abort'] as const)
      if (kind === 'abort') aborted.push({ producerId, firstOffset: first })
      open.delete(producerId)
      batches.push(oddly(random, buildMarker(base, producerId, kind)))
      base += 1n
    } else {
      const isTransactional = first !== undefined || random.once(2)
      if (isTransactional && first === undefined) open.set(producerId, base)
      const count = 1 + random.int(3)
      const records = Array.from({ length: count }, (_, delta) => ({ delta, value: random.bytes(3) }))
      batches.push(buildBatch({ base, records, producerId, isTransactional, codec: random.once(2) ? 1 : 0 }))
      base += BigInt(count)
    }
  }
  return { batches: Buffer.concat(batches), aborted }
}

/** The marker's key begins at byte 66: version and type. */
function oddly(random: RandomSource, marker: Buffer): Buffer {
  if (!random.once(30)) return marker
  marker.writeUInt8(random.pick([0, 1, 2, 0x80, 0xff]), 66 + random.int(4))
  if (random.once(2)) marker.writeUInt8(random.pick([0, 1, 2, 4]), 65)
  return sealed(marker)
}
