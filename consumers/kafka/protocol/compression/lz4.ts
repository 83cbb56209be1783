import { GrowingOutput } from './growing-output.ts'
import { NonconformingInput } from './nonconforming-input.ts'
import { xxhash32 } from './xxhash32.ts'

const FRAME_MAGIC = 0x184d2204
/** Bits of a frame's first descriptor byte. Kafka's client refuses linked blocks, dictionaries and other versions. */
const FLAG = {
  version: 0xc0,
  independent: 0x20,
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
}
const VERSION_1_INDEPENDENT = 0x60
const UNCOMPRESSED_BIT = 0x8000_0000
/** A byte of a match's length stands for so many. */
const MAX_RATIO = 255
/** By the second descriptor byte; its other bits must be zero. */
const BLOCK_BYTES: ReadonlyMap<number, number> = new Map([
  [0x40, 65_536],
  [0x50, 262_144],
  [0x60, 1_048_576],
  [0x70, 4_194_304],
])
/** Of the block format: the last bytes are literals, and the last match begins at least so far before the end. */
const LAST_LITERALS = 5
const LAST_MATCH = 12

/**
 * One LZ4 frame, as Kafka's Java client reads it: blocks are independent, checksums of descriptor and blocks count,
 * that of the content is passed over, and so is whatever follows the frame.
 * @throws OutputTooLarge beyond `maxBytes`; RangeError for malformed input
 */
export function decompressLz4Frame(input: Buffer, maxBytes: number): Buffer {
  const frame = readDescriptor(input)
  const output = new GrowingOutput(maxBytes, mostBytes(input, frame))
  for (let at = frame.end; ; ) {
    const size = input.readUInt32LE(at)
    const isStored = size >= UNCOMPRESSED_BIT
    const bytes = isStored ? size - UNCOMPRESSED_BIT : size
    at += 4
    if (bytes === 0) {
      if (frame.hasContentChecksum) input.readUInt32LE(at)
      return output.take()
    }
    const end = at + bytes
    if (end > input.length || bytes > frame.blockBytes) throw new RangeError('LZ4 block is cut off')
    const before = output.length
    if (isStored) output.append(input, at, end)
    else decompressBlock(input, at, end, output, frame.blockBytes)
    // The Java client takes a block of nothing for the end or not, depending on where its buffers stand.
    if (output.length === before) throw new NonconformingInput('an LZ4 block is empty')
    if (frame.hasBlockChecksum && xxhash32(input, at, end) !== input.readUInt32LE(end)) {
      throw new RangeError('LZ4 block checksum does not match')
    }
    at = frame.hasBlockChecksum ? end + 4 : end
  }
}

/** What the blocks of a frame can hold, by their headers; as far as they can be followed. */
function mostBytes(input: Buffer, frame: FrameDescriptor): number {
  let most = 0
  for (let at = frame.end; at + 4 <= input.length; ) {
    const size = input.readUInt32LE(at)
    if (size === 0) break
    const bytes = size >= UNCOMPRESSED_BIT ? size - UNCOMPRESSED_BIT : size
    most += size >= UNCOMPRESSED_BIT ? bytes : Math.min(frame.blockBytes, bytes * MAX_RATIO)
    at += 4 + bytes + (frame.hasBlockChecksum ? 4 : 0)
  }
  return most
}

interface FrameDescriptor {
  readonly end: number
  readonly blockBytes: number
  readonly hasBlockChecksum: boolean
  readonly hasContentChecksum: boolean
}

/** @throws RangeError */
export function readDescriptor(input: Buffer): FrameDescriptor {
  if (input.readUInt32LE(0) !== FRAME_MAGIC) throw new RangeError('not an LZ4 frame')
  const flags = input.readUInt8(4)
  const blockBytes = BLOCK_BYTES.get(input.readUInt8(5))
  if ((flags & (FLAG.version | FLAG.independent | 3)) !== VERSION_1_INDEPENDENT || blockBytes === undefined) {
    throw new RangeError('unsupported LZ4 frame')
  }
  const end = (flags & FLAG.contentSize) === 0 ? 6 : 14
  if (input.readUInt8(end) !== ((xxhash32(input, 4, end) >>> 8) & 0xff)) {
    throw new RangeError('LZ4 descriptor checksum does not match')
  }
  const hasBlockChecksum = (flags & FLAG.blockChecksum) !== 0
  const hasContentChecksum = (flags & FLAG.contentChecksum) !== 0
  return { end: end + 1, blockBytes, hasBlockChecksum, hasContentChecksum }
}

function decompressBlock(
  input: Buffer,
  start: number,
  end: number,
  output: GrowingOutput,
  maxBlock: number,
): void {
  const from = output.length
  let lastMatch = -1
  for (let at = start; ; ) {
    const token = input.readUInt8(at++)
    const literal = extended(input, token >> 4, at, end)
    at = literal.next
    if (at + literal.value > end) throw new RangeError('LZ4 literal is cut off')
    output.append(input, at, at + literal.value)
    at += literal.value
    if (at === end) {
      checkEnd(output.length - from, lastMatch, literal.value)
      break
    }
    lastMatch = output.length - from
    const distance = input.readUInt16LE(at)
    const match = extended(input, token & 15, at + 2, end)
    at = match.next
    if (at >= end) throw new RangeError('LZ4 block ends in a match')
    if (distance > lastMatch) throw new RangeError('LZ4 match reaches before its block')
    if (distance === 0) throw new NonconformingInput('an LZ4 match has no distance')
    if (lastMatch + match.value + 4 > maxBlock)
      throw new RangeError('LZ4 block is larger than its frame allows')
    output.repeat(distance, match.value + 4)
  }
  if (output.length - from > maxBlock) throw new RangeError('LZ4 block is larger than its frame allows')
}

/** What every encoder keeps to; a block that does not is read by some decoders and refused by others. */
function checkEnd(bytes: number, lastMatch: number, literals: number): void {
  if (lastMatch >= 0 && (literals < LAST_LITERALS || lastMatch + LAST_MATCH > bytes)) {
    throw new NonconformingInput('an LZ4 block does not end in literals')
  }
}

function extended(input: Buffer, nibble: number, start: number, end: number) {
  let value = nibble
  let at = start
  if (nibble < 15) return { value, next: at }
  for (let byte = 255; byte === 255; value += byte) {
    if (at >= end) throw new RangeError('LZ4 length is cut off')
    byte = input.readUInt8(at++)
  }
  return { value, next: at }
}
