import { xxhash32 } from '../../../consumers/kafka/protocol/compression/xxhash32.ts'

/** Encoders for what node:zlib does not write. They compress little, but use every element of their format. */

/** One raw snappy block: literals, and copies wherever four bytes repeat nearby. */
export function snappyBlock(text: Buffer | string): Buffer {
  const input = Buffer.from(text)
  const parts: Buffer[] = [uvarint(input.length)]
  forEachSequence(input, 0, ({ literals, distance, length }) => {
    for (let at = 0; at < literals.length; at += 60_000)
      parts.push(snappyLiteral(literals.subarray(at, at + 60_000)))
    for (let left = length; left > 0; left -= 64) {
      const copy = Buffer.of(((Math.min(left, 64) - 1) << 2) | 2, distance & 0xff, distance >> 8)
      parts.push(copy)
    }
  })
  return Buffer.concat(parts)
}

function snappyLiteral(bytes: Buffer): Buffer {
  const last = bytes.length - 1
  if (last < 60) return Buffer.concat([Buffer.of(last << 2), bytes])
  if (last < 256) return Buffer.concat([Buffer.of(60 << 2, last), bytes])
  return Buffer.concat([Buffer.of(61 << 2, last & 0xff, last >> 8), bytes])
}

/** The framing of snappy-java around raw blocks. */
export function xerial(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  return Buffer.concat([header, ...blocks.flatMap((block) => [int32be(block.length), block])])
}

/** One LZ4 block that ends as the format demands. */
export function lz4Block(text: Buffer | string): Buffer {
  const input = Buffer.from(text)
  const parts: Buffer[] = []
  forEachSequence(input, 12, ({ literals, distance, length }) => {
    const match = length === 0 ? 0 : length - 4
    parts.push(Buffer.of((Math.min(literals.length, 15) << 4) | Math.min(match, 15)))
    parts.push(lz4Length(literals.length), literals)
    if (length > 0) parts.push(Buffer.of(distance & 0xff, distance >> 8), lz4Length(match))
  })
  return Buffer.concat(parts)
}

function lz4Length(length: number): Buffer {
  if (length < 15) return Buffer.alloc(0)
  const rest = length - 15
  return Buffer.from([...Array(Math.floor(rest / 255)).fill(255), rest % 255])
}

export interface Lz4FrameOptions {
  /** Added to the flags: 0x10 block checksums, 0x08 content size, 0x04 content checksum. */
  readonly flags?: number
  /** 4 to 7. */
  readonly blockSizeCode?: number
}

/** A block of bytes as they are, or as `lz4Block` gives them. */
export type Lz4Part = { readonly stored: Buffer } | { readonly packed: Buffer }

export function lz4Frame(blocks: readonly Lz4Part[], options: Lz4FrameOptions = {}): Buffer {
  const flags = (0x60 + (options.flags ?? 0)) & 0xff
  const size = (flags & 0x08) === 0 ? Buffer.alloc(0) : Buffer.alloc(8, 1)
  const descriptor = Buffer.concat([Buffer.of(flags, (options.blockSizeCode ?? 4) << 4), size])
  const check = (xxhash32(descriptor, 0, descriptor.length) >>> 8) & 0xff
  const parts: Buffer[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18]), descriptor, Buffer.of(check)]
  for (const block of blocks) {
    const bytes = 'stored' in block ? block.stored : block.packed
    parts.push(uint32le(bytes.length + ('stored' in block ? 0x8000_0000 : 0)), bytes)
    if ((flags & 0x10) !== 0) parts.push(uint32le(xxhash32(bytes, 0, bytes.length)))
  }
  parts.push(Buffer.alloc(4))
  if ((flags & 0x04) !== 0) parts.push(Buffer.alloc(4, 9))
  return Buffer.concat(parts)
}

export function skippableZstdFrame(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18]), uint32le(bytes), Buffer.alloc(bytes, 7)])
}

interface Sequence {
  readonly literals: Buffer
  readonly distance: number
  /** Of the match; 0 at the end. */
  readonly length: number
}

/** Greedy matching; no match begins within the last `tail` bytes, and the last five of them are literals. */
function forEachSequence(input: Buffer, tail: number, take: (sequence: Sequence) => void): void {
  const seen = new Map<number, number>()
  let from = 0
  const end = input.length - (tail === 0 ? 0 : 5)
  for (let at = 0; at + 4 <= input.length && at + tail <= input.length; at++) {
    const word = input.readUInt32LE(at)
    const before = seen.get(word)
    seen.set(word, at)
    if (before === undefined || at - before > 65_535) continue
    let length = 4
    while (at + length < end && input[before + length] === input[at + length]) length++
    if (at + length > end) continue
    take({ literals: input.subarray(from, at), distance: at - before, length })
    at += length - 1
    from = at + 1
  }
  if (from < input.length || tail > 0) take({ literals: input.subarray(from), distance: 0, length: 0 })
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

function int32be(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function uint32le(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
