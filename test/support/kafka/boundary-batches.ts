import { gzipSync, zstdCompressSync } from 'node:zlib'
import { buildRecord } from '../../unit/consumers/kafka/protocol/batch-builder.ts'
import { rawBatch } from '../raw-produce.ts'
import { skippableZstdFrame } from './encoders.ts'
import type { RandomSource } from './random-source.ts'

const GZIP_BUFFER_BYTES = 8_192
const GZIP_HEADER_BYTES = 10
const GZIP_TRAILER_BYTES = 8
const ZSTD_BUFFER_BYTES = 131_075

/** Batches of one record whose stream ends within some bytes of a buffer's end, a tail of some kind behind it. */
export function batchesAtBoundaries(random: RandomSource): Buffer[] {
  const member = gzipSync('x')
  const frame = zstdCompressSync(random.bytes(40))
  const all: Buffer[] = []
  for (let beside = -30; beside <= 12; beside++) {
    const end = GZIP_HEADER_BYTES + GZIP_BUFFER_BYTES + beside + GZIP_TRAILER_BYTES
    const tail = random.pick([member, Buffer.concat([member, member]), random.bytes(40)])
    for (let length = 8; length <= Math.min(tail.length, 30); length += 1 + random.int(4)) {
      all.push(batchOf(1, memberEndingAt(random, end), tail.subarray(0, length)))
    }
    all.push(batchOf(1, memberEndingAt(random, end), tail))
    for (const cut of [2, 6, 20, frame.length - 1]) {
      all.push(batchOf(4, frameEndingAt(ZSTD_BUFFER_BYTES + beside), frame.subarray(0, cut)))
    }
  }
  return all
}

/** A member that is stored, not compressed, with a value that makes it `end` bytes long, or a few less. */
function memberEndingAt(random: RandomSource, end: number): Buffer {
  const value = random.bytes(end)
  for (let length = end - 20; ; length--) {
    const packed = gzipSync(buildRecord({ delta: 0, value: value.subarray(0, length) }), { level: 0 })
    if (packed.length <= end) return packed
  }
}

/** A frame behind a skippable one, both together `end` bytes long. */
function frameEndingAt(end: number): Buffer {
  const frame = zstdCompressSync(buildRecord({ delta: 0, value: Buffer.from('value') }))
  return Buffer.concat([skippableZstdFrame(end - frame.length - 8), frame])
}

function batchOf(codec: number, packed: Buffer, tail: Buffer): Buffer {
  return rawBatch({ body: Buffer.concat([packed, tail]), codec, count: 1 })
}
