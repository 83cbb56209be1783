import { BATCH_FIELD } from '../../../runtime/kafka-wire/batch-header.ts'
import { crc32c } from '../../../runtime/kafka-wire/crc32c.ts'

type Checksum = (bytes: Buffer) => number

const checksum = (await native()) ?? ((bytes: Buffer) => crc32c(bytes, 0, bytes.length))

/** Whether a version 2 record batch, all of it, is what its CRC-32C says. */
export function isIntact(batch: Buffer): boolean {
  return checksum(batch.subarray(BATCH_FIELD.attributes)) === batch.readUInt32BE(BATCH_FIELD.crc)
}

/**
 * The processor's own instruction, by a library that comes as a binary per platform. Where there is none for this
 * platform, or it does not give the check value of the catalogue, tables in JavaScript do the same at four times the cost.
 */
async function native(): Promise<Checksum | null> {
  try {
    const library = await import('@node-rs/crc32')
    return library.crc32c(Buffer.from('123456789')) === 0xe3069283 ? (bytes) => library.crc32c(bytes) : null
  } catch {
    return null
  }
}
