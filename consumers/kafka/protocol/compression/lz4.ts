import { OutputTooLarge } from './output-too-large.ts'
import { repeat } from './snappy.ts'

const FRAME_MAGIC = 0x184d2204
const FLAG = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const
const UNCOMPRESSED_BIT = 0x8000_0000
/** By the block size code of a frame's descriptor. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304 }

/**
 * LZ4 frames (LZ4 Frame Format 1.6) as Kafka's clients write them, with linked or independent blocks. Checksums are
 * not verified: Kafka's own batch checksum covers the same bytes.
 * @throws OutputTooLarge beyond `maxBytes`; RangeError for malformed input
 */
export function decompressLz4Frames(input: Buffer, maxBytes: number): Buffer {
  const output = new GrowingOutput(maxBytes, Math.min(maxBytes, Math.max(65_536, input.length * 4)))
  let at = 0
  while (at < input.length) at = decompressFrame(input, at, output)
  return output.take()
}

function decompressFrame(input: Buffer, start: number, output: GrowingOutput): number {
  if (input.readUInt32LE(start) !== FRAME_MAGIC) throw new RangeError('not an LZ4 frame')
  const flags = input.readUInt8(start + 4)
  const maxBlock = BLOCK_BYTES[(input.readUInt8(start + 5) >> 4) & 7]
  if (flags >> 6 !== 1 || maxBlock === undefined || (flags & FLAG.dictionary) !== 0) {
    throw new RangeError('unsupported LZ4 frame')
  }
  let at = start + 7 + ((flags & FLAG.contentSize) === 0 ? 0 : 8)
  for (;;) {
    const size = input.readUInt32LE(at)
    at += 4
    if (size === 0) return at + ((flags & FLAG.contentChecksum) === 0 ? 0 : 4)
    const bytes = size >= UNCOMPRESSED_BIT ? size - UNCOMPRESSED_BIT : size
    if (at + bytes > input.length || bytes > maxBlock) throw new RangeError('LZ4 block is cut off')
    if (size >= UNCOMPRESSED_BIT) output.append(input, at, at + bytes)
    else decompressBlock(input, at, at + bytes, output, maxBlock)
    at += bytes + ((flags & FLAG.blockChecksum) === 0 ? 0 : 4)
  }
}

function decompressBlock(
  input: Buffer,
  start: number,
  end: number,
  output: GrowingOutput,
  maxBlock: number,
): void {
  const limit = output.length + maxBlock
  let at = start
  while (at < end) {
    const token = input.readUInt8(at++)
    const literal = extended(input, token >> 4, at)
    at = literal.next
    if (at + literal.value > end) throw new RangeError('LZ4 literal is cut off')
    output.append(input, at, at + literal.value)
    at += literal.value
    if (at >= end) break
    const distance = input.readUInt16LE(at)
    const match = extended(input, token & 15, at + 2)
    at = match.next
    if (output.length + match.value + 4 > limit)
      throw new RangeError('LZ4 block is larger than its frame allows')
    output.repeat(distance, match.value + 4)
  }
}

function extended(input: Buffer, nibble: number, start: number) {
  let value = nibble
  let at = start
  if (nibble < 15) return { value, next: at }
  for (let byte = 255; byte === 255; value += byte) byte = input.readUInt8(at++)
  return { value, next: at }
}

class GrowingOutput {
  readonly #maxBytes: number
  #buffer: Buffer
  length = 0

  constructor(maxBytes: number, initialBytes: number) {
    this.#maxBytes = maxBytes
    this.#buffer = Buffer.allocUnsafe(initialBytes)
  }

  append(input: Buffer, from: number, to: number): void {
    this.#reserve(to - from)
    input.copy(this.#buffer, this.length, from, to)
    this.length += to - from
  }

  repeat(distance: number, bytes: number): void {
    if (distance === 0 || distance > this.length) throw new RangeError('LZ4 match reaches before the start')
    this.#reserve(bytes)
    this.length = repeat(this.#buffer, this.length, distance, bytes)
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed > this.#maxBytes) throw new OutputTooLarge(`more than ${this.#maxBytes} bytes of LZ4`)
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, this.#buffer.length * 2)))
    this.#buffer.copy(grown, 0, 0, this.length)
    this.#buffer = grown
  }
}
