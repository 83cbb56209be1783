import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decompress } from '../../../../../consumers/kafka/protocol/compression/decompress.ts'
import { decompressLz4Frames } from '../../../../../consumers/kafka/protocol/compression/lz4.ts'
import { decompressSnappy } from '../../../../../consumers/kafka/protocol/compression/snappy.ts'

const place = { topic: 't', partition: 1, offset: 5n, maxBatchBytes: 1_000 }
const CORRUPT = expect.objectContaining({ code: 'DAYBOOK_KAFKA_BATCH_CORRUPT' })

/** A raw snappy block: length 11, literal "abcd", then a copy of 7 bytes from 4 back. */
const SNAPPY = Buffer.from([11, 3 << 2, ...Buffer.from('abcd'), ((7 - 4) << 2) | 1, 4])

function xerial(...blocks: Buffer[]): Buffer {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    return [size, block]
  })
  return Buffer.concat([header, ...sized])
}

/** An LZ4 frame of 64 KiB blocks without checksums. */
function lz4Frame(...blocks: Buffer[]): Buffer {
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(block.length)
    return [size, block]
  })
  return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0]), ...sized, Buffer.alloc(4)])
}

/** Token: 4 literals and a match of 4 + 3; "abcd", distance 4; then a last token with 1 literal "!". */
const LZ4_BLOCK = Buffer.from([0x43, ...Buffer.from('abcd'), 4, 0, 0x10, 0x21])

describe('decompression', () => {
  it('reads raw snappy, and snappy in the framing of Java clients', () => {
    expect(decompressSnappy(SNAPPY, 100).toString()).toBe('abcdabcdabc')
    expect(decompressSnappy(xerial(SNAPPY, SNAPPY), 100).toString()).toBe('abcdabcdabcabcdabcdabc')
  })

  it('reads LZ4 frames, linked blocks and stored blocks included', () => {
    const linked = Buffer.from([0x03, 12, 0, 0x10, 0x2e])
    expect(decompressLz4Frames(lz4Frame(LZ4_BLOCK), 100).toString()).toBe('abcdabcdabc!')
    expect(decompressLz4Frames(lz4Frame(LZ4_BLOCK, linked), 100).toString()).toBe('abcdabcdabc!abcdabc.')
    const stored = lz4Frame(Buffer.from('plain'))
    stored.writeUInt32LE(0x8000_0000 + 5, 7)
    expect(decompressLz4Frames(stored, 100).toString()).toBe('plain')
  })

  it.each([
    ['gzip', 1, gzipSync(Buffer.alloc(1_000_000))],
    [
      'snappy',
      2,
      Buffer.from([0x80, 0x80, 0x40, ...Array.from({ length: 16_384 }, () => [0xfe, 1, 0]).flat()]),
    ],
    [
      'lz4',
      3,
      lz4Frame(Buffer.from([0x1f, 0x61, 1, 0, ...Array.from({ length: 200 }, () => 255), 0, 0x10, 0x61])),
    ],
    ['zstd', 4, zstdCompressSync(Buffer.alloc(1_000_000))],
  ])('of a %s bomb ends at the bound', (_, codec, bomb) => {
    expect(decompress(codec, bomb, place)).toBe(null)
  })

  it.each([1, 2, 3, 4])('of anything else by codec %i is an error of ours, in bounded time', (codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          expect(decompress(codec, Buffer.from(noise), place)?.length ?? 0).toBeLessThanOrEqual(1_000)
        } catch (error) {
          expect(error).toEqual(CORRUPT)
        }
      }),
    )
  })

  it('of a damaged block never writes outside its output', () => {
    const sources = [SNAPPY, xerial(SNAPPY), lz4Frame(LZ4_BLOCK, LZ4_BLOCK)]
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.nat(60), fc.nat(255), (source, at, byte) => {
        const damaged = Buffer.from(source)
        damaged[at % damaged.length] = byte
        for (const codec of [2, 3]) {
          try {
            expect(decompress(codec, damaged, place)?.length ?? 0).toBeLessThanOrEqual(1_000)
          } catch (error) {
            expect(error).toEqual(CORRUPT)
          }
        }
      }),
    )
  })

  it('of a copy from before the output began is refused: it would show memory of others', () => {
    const snappy = Buffer.from([5, 0 << 2, 0x61, ((4 - 4) << 2) | 1, 2])
    expect(() => decompress(2, snappy, place)).toThrow(CORRUPT)
    expect(() => decompress(3, lz4Frame(Buffer.from([0x10, 0x61, 2, 0])), place)).toThrow(CORRUPT)
  })

  it('names the place, and a codec that Kafka does not know', () => {
    expect(() => decompress(7, Buffer.alloc(1), place)).toThrow(/t\/1 offset 5: compression codec 7/)
    expect(() => decompress(4, Buffer.from('x'), place)).toThrow(CORRUPT)
  })
})
