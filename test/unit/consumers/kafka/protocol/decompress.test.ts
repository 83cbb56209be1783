import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decompress } from '../../../../../consumers/kafka/protocol/compression/decompress.ts'
import { xxhash32 } from '../../../../../consumers/kafka/protocol/compression/xxhash32.ts'
import {
  type Lz4FrameOptions,
  lz4Block,
  lz4Frame,
  skippableZstdFrame,
  snappyBlock,
  xerial,
} from '../../../../support/kafka/encoders.ts'

const MAX_BYTES = 1_000
const GZIP = 1
const SNAPPY = 2
const LZ4 = 3
const ZSTD = 4

/** What comes out, as text; else how it failed. */
function read(codec: number, input: Buffer, maxBytes = MAX_BYTES): string {
  const unpacked = decompress(codec, input, maxBytes)
  return unpacked.kind === 'bytes' ? unpacked.bytes.toString('latin1') : unpacked.kind
}

const member = (text: string) => gzipSync(Buffer.from(text))
const frame = (text: string) => zstdCompressSync(Buffer.from(text))
/** Text is stored, bytes are a block. */
const lz4 = (blocks: readonly (Buffer | string)[], options: Lz4FrameOptions = {}) =>
  lz4Frame(
    blocks.map((block) => (typeof block === 'string' ? { stored: Buffer.from(block) } : { packed: block })),
    options,
  )
const EMPTY_ZSTD_FRAME = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 1, 0, 0])

/** A raw snappy block: length 11, literal "abcd", then a copy of 7 bytes from 4 back. */
const COPYING = Buffer.from([11, 3 << 2, ...Buffer.from('abcd'), ((7 - 4) << 2) | 1, 4])
/** 4 literals, a match of 4 + 8 from 4 back, 5 last literals. */
const MATCHING = Buffer.from([0x48, ...Buffer.from('abcd'), 4, 0, 0x50, ...Buffer.from('tail!')])

describe('decompression of gzip', () => {
  it.each<[string, Buffer, string]>([
    ['members one after the other', Buffer.concat([member('a'), member(''), member('b')]), 'ab'],
    ['zeros after the end', Buffer.concat([member('a'), Buffer.alloc(16)]), 'a'],
    [
      'anything after the end',
      Buffer.concat([member('a'), member('b'), Buffer.from('junk'.repeat(50))]),
      'ab',
    ],
    [
      'a header without its member at the end',
      Buffer.concat([member('a'), member('b').subarray(0, 12)]),
      'a',
    ],
    ['no trailer', member('a').subarray(0, -1), 'malformed'],
    [
      'another size than its trailer says',
      Buffer.concat([member('a').subarray(0, -1), Buffer.of(9)]),
      'malformed',
    ],
    [
      'the header of zlib',
      Buffer.concat([Buffer.of(0x78, 0x9c), deflateRawSync(Buffer.from('a'))]),
      'malformed',
    ],
    ['nothing', Buffer.alloc(0), 'malformed'],
  ])('with %s', (_, input, expected) => {
    expect(read(GZIP, input)).toBe(expected)
  })

  it('passes over every field of a header, and checks its checksum', () => {
    const [start, rest] = [member('a').subarray(0, 10), member('a').subarray(10)]
    const full = Buffer.concat([
      start,
      Buffer.from([2, 0, 7, 7]),
      Buffer.from('name\0comment\0'),
      Buffer.of(0, 0),
      rest,
    ])
    full.writeUInt8(0xe0 | 4 | 8 | 16, 3)
    const withoutCrc = Buffer.concat([full.subarray(0, 27), full.subarray(29)])
    expect(read(GZIP, withoutCrc)).toBe('a')
    full.writeUInt8(2 | 4 | 8 | 16, 3)
    expect(read(GZIP, full)).toBe('malformed')
  })
})

describe('decompression of snappy', () => {
  it.each<[string, Buffer, string]>([
    ['as one raw block', COPYING, 'abcdabcdabc'],
    ['in the framing of Java clients', xerial([COPYING, COPYING]), 'abcdabcdabcabcdabcdabc'],
    ['with the header again', Buffer.concat([xerial([COPYING]), xerial([snappyBlock('x')])]), 'abcdabcdabcx'],
    [
      'with up to three bytes after it',
      Buffer.concat([xerial([COPYING]), Buffer.of(1, 2, 3)]),
      'abcdabcdabc',
    ],
    ['with four bytes after it', Buffer.concat([xerial([COPYING]), Buffer.of(0, 0, 0, 4)]), 'malformed'],
    [
      'with a damaged header',
      Buffer.concat([xerial([COPYING]), Buffer.from('\x82SNAPPX\0', 'latin1')]),
      'malformed',
    ],
    ['with a copy from before it began', Buffer.from([5, 0, 0x61, 1, 2]), 'malformed'],
    ['that claims a gigabyte', Buffer.from([0xff, 0xff, 0xff, 0xff, 3, 0, 0x61]), 'malformed'],
    ['of nothing', Buffer.alloc(0), 'malformed'],
  ])('%s', (_, input, expected) => {
    expect(read(SNAPPY, input)).toBe(expected)
  })
})

describe('decompression of LZ4', () => {
  it.each<[string, Buffer, string]>([
    ['with matches', lz4([MATCHING]), 'abcdabcdabcdabcdtail!'],
    ['of several blocks, stored ones among them', lz4([MATCHING, 'plain']), 'abcdabcdabcdabcdtail!plain'],
    ['with all checksums', lz4([MATCHING, 'plain'], { flags: 0x1c }), 'abcdabcdabcdabcdtail!plain'],
    ['with bytes after it, another frame too', Buffer.concat([lz4(['a']), lz4(['b'])]), 'a'],
    ['without its end', lz4(['a']).subarray(0, -1), 'malformed'],
    ['without its content checksum', lz4(['a'], { flags: 0x04 }).subarray(0, -4), 'malformed'],
    ['of linked blocks', lz4(['a'], { flags: -0x20 }), 'malformed'],
    ['with a dictionary', lz4(['a'], { flags: 1 }), 'malformed'],
    ['that ends in a match', lz4([MATCHING.subarray(0, 7)]), 'malformed'],
    [
      'with a copy from before its block',
      lz4(['abcd', Buffer.from([0x08, 4, 0, 0x50, 1, 2, 3, 4, 5])]),
      'malformed',
    ],
  ])('frames %s', (_, input, expected) => {
    expect(read(LZ4, input)).toBe(expected)
  })

  it.each([4, 5, 6, 11])('checks the checksums of descriptor and block (byte %i)', (at) => {
    const damaged = lz4([lz4Block('abc')], { flags: 0x10 })
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at)
    expect(read(LZ4, damaged)).toBe('malformed')
  })

  it('knows xxHash32', () => {
    const text = Buffer.from('Nobody inspects the spammish repetition')
    expect(xxhash32(text, 0, text.length)).toBe(0xe2293b2f)
    expect(xxhash32(text, 0, 0)).toBe(0x02cc5d05)
  })
})

describe('decompression of zstd', () => {
  it.each<[string, Buffer, string]>([
    ['frames one after the other', Buffer.concat([frame('a'), frame('b'), frame('c')]), 'abc'],
    [
      'skippable frames anywhere',
      Buffer.concat([skippableZstdFrame(9), frame('a'), skippableZstdFrame(0)]),
      'a',
    ],
    ['frames of nothing', Buffer.concat([EMPTY_ZSTD_FRAME, frame('a'), EMPTY_ZSTD_FRAME]), 'a'],
    ['the beginning of a frame behind another', Buffer.concat([frame('a'), frame('b').subarray(0, 7)]), 'a'],
    ['bytes that begin no frame', Buffer.concat([frame('a'), Buffer.of(1)]), 'malformed'],
    ['a first frame that is cut off', frame('a').subarray(0, -1), 'malformed'],
    ['no bytes at all', Buffer.alloc(0), ''],
  ])('with %s', (_, input, expected) => {
    expect(read(ZSTD, input)).toBe(expected)
  })
})

describe('a zstd frame that claims its size', () => {
  const sized = (bytes: number) => zstdCompressSync(Buffer.alloc(bytes, 7), { pledgedSrcSize: bytes })
  /** A frame of one segment: one byte of header before a size of four. */
  const claiming = (bytes: number) => {
    const lying = Buffer.from(sized(100_000))
    expect(lying.readUInt32LE(5)).toBe(100_000)
    lying.writeUInt32LE(bytes, 5)
    return lying
  }
  const unpack = (input: Buffer) => decompress(ZSTD, input, 10_000_000)

  it.each([1, 255, 256, 257, 65_791, 65_792, 131_072, 131_073, 9_999_999])(
    'of %d bytes comes whole, in one piece of memory',
    (bytes) => {
      const unpacked = unpack(sized(bytes))
      if (unpacked.kind !== 'bytes') throw new Error(unpacked.kind)
      expect(unpacked.bytes).toEqual(Buffer.alloc(bytes, 7))
      expect(unpacked.bytes.buffer.byteLength).toBeLessThanOrEqual(Math.max(65_536, bytes + 1))
    },
  )

  it('is not unpacked where that is too much', () => expect(unpack(sized(10_000_001)).kind).toBe('too-large'))

  it.each([99_999, 100_001])('of 100000 bytes and claims %d is malformed', (claimed) => {
    expect(unpack(claiming(claimed)).kind).toBe('malformed')
  })

  it('that its blocks cannot hold gets no memory for it', () => {
    const before = process.memoryUsage().arrayBuffers
    for (let at = 0; at < 100; at++) expect(unpack(claiming(9_000_000)).kind).toBe('malformed')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
  })
})

describe('decompression', () => {
  it.each([
    ['gzip', GZIP, gzipSync(Buffer.alloc(1_000_000))],
    ['gzip in two members', GZIP, Buffer.concat([member('x'.repeat(999)), member('yz')])],
    [
      'gzip in two members and a tail',
      GZIP,
      Buffer.concat([member('x'.repeat(999)), member('yz'), Buffer.of(7)]),
    ],
    [
      'snappy',
      SNAPPY,
      Buffer.from([0x80, 0x80, 0x40, ...Array.from({ length: 16_384 }, () => [0xfe, 1, 0]).flat()]),
    ],
    ['snappy in blocks', SNAPPY, xerial(Array.from({ length: 100 }, () => COPYING))],
    ['lz4', LZ4, lz4([Buffer.from([0x1f, 0x61, 1, 0, ...Array(200).fill(255), 0, 0x50, 1, 2, 3, 4, 5])])],
    ['zstd', ZSTD, zstdCompressSync(Buffer.alloc(1_000_000))],
    ['zstd in two frames', ZSTD, Buffer.concat([frame('x'.repeat(999)), frame('yz')])],
  ])('of a %s bomb ends at the bound', (_, codec, bomb) => {
    expect(read(codec, bomb)).toBe('too-large')
  })

  it.each([
    ['gzip members', GZIP, gzipSync(Buffer.alloc(0)), Buffer.alloc(0), 'bytes'],
    ['gzip members before a tail', GZIP, gzipSync(Buffer.alloc(0)), Buffer.of(7), 'malformed'],
    ['snappy blocks', SNAPPY, Buffer.concat([Buffer.of(0, 0, 0, 1, 0)]), Buffer.alloc(0), 'bytes'],
    ['skippable zstd frames', ZSTD, skippableZstdFrame(0), Buffer.alloc(0), 'bytes'],
    ['empty zstd frames', ZSTD, EMPTY_ZSTD_FRAME, Buffer.alloc(0), 'bytes'],
    ['zstd frames', ZSTD, frame('a'), Buffer.alloc(0), 'malformed'],
  ])(
    'of a megabyte of the smallest %s costs no more than as many bytes of events',
    (_, codec, smallest, tail, kind) => {
      const begin = codec === SNAPPY ? xerial([]) : Buffer.alloc(0)
      const count = Math.floor(1_000_000 / smallest.length)
      const input = Buffer.concat([begin, ...Array(count).fill(smallest), tail])
      const before = process.cpuUsage()
      expect(decompress(codec, input, 10_000_000).kind).toBe(kind)
      const { user, system } = process.cpuUsage(before)
      // A megabyte of compressed events is some 9,000 of them, 50 ms in the worker; more where others use the caches.
      expect((user + system) / 1_000).toBeLessThan(500)
    },
  )

  it.each([GZIP, SNAPPY, LZ4, ZSTD])(
    'of anything else by codec %i never throws, in bounded time',
    (codec) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
          expect(read(codec, Buffer.from(noise)).length).toBeLessThanOrEqual(MAX_BYTES)
        }),
      )
    },
  )

  it('of a damaged block never writes outside its output', () => {
    const sources = [COPYING, xerial([COPYING]), lz4([MATCHING, MATCHING])]
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.nat(60), fc.nat(255), (source, at, byte) => {
        const damaged = Buffer.from(source)
        damaged[at % damaged.length] = byte
        for (const codec of [SNAPPY, LZ4]) {
          expect(read(codec, damaged).length).toBeLessThanOrEqual(MAX_BYTES)
        }
      }),
    )
  })

  it('says why it fails, without a byte of what it read', () => {
    expect(decompress(7, Buffer.alloc(1), MAX_BYTES)).toEqual({
      kind: 'malformed',
      reason: 'compression codec 7 is not defined',
    })
    expect(decompress(ZSTD, Buffer.from('x'), MAX_BYTES)).toEqual({
      kind: 'malformed',
      reason: 'not valid zstd (not a zstd frame)',
    })
  })
})
