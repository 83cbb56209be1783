import { BATCH_FIELD, BATCH_HEADER_BYTES } from '../../../runtime/kafka-wire/batch-header.ts'
import { rawBatch, sealed, varint } from '../raw-produce.ts'
import { packRandomly } from './random-packing.ts'
import type { RandomSource } from './random-source.ts'

const ALL_CODECS = [0, 1, 2, 3, 4] as const

export interface BatchChoice {
  /** Valid batches, to be damaged. */
  readonly made?: readonly Buffer[]
  readonly codecs?: readonly number[]
}

/**
 * A record batch, from `base` on, that is valid or nearly so: its records or its compressed bytes may be damaged, its
 * header may lie. The checksum is made last, so that damage reaches the decoder; now and then it does not match.
 */
export function randomBatch(random: RandomSource, base: bigint, choice: BatchChoice = {}): Buffer {
  const { made = [], codecs = ALL_CODECS } = choice
  if (made.length > 0 && random.once(6)) return damage(random, Buffer.from(random.pick(made)), base)
  const codec = random.pick(codecs)
  const records = randomRecords(random)
  const body = random.once(3) ? damaged(random, records.body) : records.body
  const packed = packRandomly(random, codec, body)
  const batch = rawBatch({
    ...{ codec, count: records.count },
    body: random.once(6) ? damaged(random, packed) : packed,
    attributes: (random.int(2) << 3) | (random.once(20) ? 0x40 : 0),
    lastOffsetDelta: records.lastDelta + (random.once(5) ? random.int(4) : 0),
    firstTimestamp: randomTime(random),
    maxTimestamp: randomTime(random),
  })
  return lie(random, batch, base)
}

/** Damage to what Kafka's own builder made. */
function damage(random: RandomSource, batch: Buffer, base: bigint): Buffer {
  if (random.once(3)) return lie(random, batch, base)
  const body = damaged(random, batch.subarray(BATCH_HEADER_BYTES))
  return lie(random, Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), body]), base)
}

/** Header fields that say something else than is there, seldom; then length and checksum. */
function lie(random: RandomSource, batch: Buffer, base: bigint): Buffer {
  batch.writeBigInt64BE(base, 0)
  const field = random.once(8) ? random.pick(['count', 'lastOffsetDelta', 'attributes'] as const) : null
  if (field === 'count')
    batch.writeInt32BE(batch.readInt32BE(BATCH_FIELD.count) + random.int(5) - 2, BATCH_FIELD.count)
  if (field === 'count' && random.once(3))
    batch.writeInt32BE(random.pick([0, -1, 2 ** 31 - 1]), BATCH_FIELD.count)
  if (field === 'lastOffsetDelta') batch.writeInt32BE(random.int(16) - 1, BATCH_FIELD.lastOffsetDelta)
  if (field === 'attributes') batch.writeInt16BE(random.int(0x10000) - 0x8000, BATCH_FIELD.attributes)
  sealed(batch)
  if (random.once(60)) batch.writeUInt8(random.int(256), 17 + random.int(batch.length - 17))
  return batch
}

function randomTime(random: RandomSource): bigint {
  if (random.once(10)) return BigInt.asIntN(64, random.bytes(8).readBigInt64BE(0))
  return BigInt(1_700_000_000_000 + random.int(100_000))
}

interface Records {
  readonly body: Buffer
  readonly count: number
  readonly lastDelta: number
}

function randomRecords(random: RandomSource): Records {
  const count = random.once(40) ? 0 : 1 + random.int(random.once(20) ? 300 : 8)
  const parts: Buffer[] = []
  let delta = -1
  for (let i = 0; i < count; i++) {
    delta += random.once(6) ? 1 + random.int(3) : 1
    parts.push(randomRecord(random, random.once(80) ? random.int(6) - 1 : delta))
  }
  return { body: Buffer.concat(parts), count, lastDelta: Math.max(0, delta) }
}

function randomRecord(random: RandomSource, delta: number): Buffer {
  const time = random.once(12) ? random.bytes(8).readBigInt64BE(0) : BigInt(random.int(2_000) - 1_000)
  const headers = random.once(3) ? 1 + random.int(3) : 0
  const parts = [
    Buffer.of(random.once(9) ? random.int(256) : 0),
    number(random, time),
    number(random, BigInt(delta)),
  ]
  parts.push(sized(random, randomText(random)), sized(random, randomText(random)))
  parts.push(number(random, BigInt(random.once(60) ? headers + random.int(9) - 4 : headers)))
  for (let i = 0; i < headers; i++)
    parts.push(sized(random, Buffer.from(`h${i}`)), sized(random, randomText(random)))
  const body = Buffer.concat(parts)
  const size = body.length + (random.once(80) ? random.int(9) - 4 : 0)
  return Buffer.concat([number(random, BigInt(size)), body])
}

function randomText(random: RandomSource): Buffer | null {
  if (random.once(5)) return null
  if (random.once(4)) return random.bytes(random.int(30))
  return Buffer.from(`value ${random.int(9)} `.repeat(random.int(random.once(10) ? 300 : 8)))
}

function sized(random: RandomSource, bytes: Buffer | null): Buffer {
  if (bytes === null) return number(random, BigInt(random.once(6) ? -2 - random.int(9) : -1))
  return Buffer.concat([number(random, BigInt(bytes.length)), bytes])
}

/** A varint; seldom longer than it need be, up to more bytes than any may have. */
function number(random: RandomSource, value: bigint): Buffer {
  const short = varint(value)
  const last = short.at(-1) ?? 0
  if (!random.once(150)) return short
  const longer = Buffer.concat([short, Buffer.alloc(1 + random.int(9), 0x80)])
  longer[short.length - 1] = last | 0x80
  longer[longer.length - 1] = 0
  return longer
}

function damaged(random: RandomSource, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = random.int(Math.max(1, copy.length))
  switch (random.int(7)) {
    case 0:
      return copy.subarray(0, at)
    case 1:
      return Buffer.concat([copy, copy])
    case 2:
      return Buffer.concat([copy.subarray(0, at), random.bytes(1 + random.int(4)), copy.subarray(at)])
    case 3:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + random.int(4))])
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(random.int(at + 1))])
    default:
      for (let flips = 1 + random.int(3); flips > 0 && copy.length > 0; flips--) {
        const place = random.int(copy.length)
        copy[place] = (copy[place] ?? 0) ^ (1 << random.int(8))
      }
      return copy
  }
}
