import { GrowingOutput } from './growing-output.ts'
import { NonconformingInput } from './nonconforming-input.ts'
import { OutputTooLarge } from './output-too-large.ts'

/** Magic of the framing that Kafka's Java clients use (snappy-java streams): then version and compatible version. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16
/** No element of three bytes makes more than 64. */
const MAX_RATIO = 64
/** The magic's first four bytes, where a block's size would stand. */
const HEADER_AGAIN = XERIAL_MAGIC.readInt32BE(0)

/**
 * Snappy as Kafka's Java client reads it: in xerial framing, the header repeated where streams were put together, or
 * as one raw block (librdkafka and others). Up to three bytes after the last block are passed over.
 * @throws OutputTooLarge beyond `maxBytes`; RangeError for malformed input
 */
export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  const output = new GrowingOutput(maxBytes, mostBytes(input))
  if (!isFramed(input)) {
    decompressBlock(input, 0, input.length, output)
    return output.take()
  }
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= input.length; ) {
    const bytes = input.readInt32BE(at)
    if (bytes === HEADER_AGAIN) {
      at = passHeader(input, at)
      continue
    }
    at += 4
    if (bytes < 0 || at + bytes > input.length) throw new RangeError('snappy block is cut off')
    decompressBlock(input, at, at + bytes, output)
    at += bytes
  }
  return output.take()
}

/** What the blocks can hold, by their headers; as far as they can be followed. */
function mostBytes(input: Buffer): number {
  if (!isFramed(input)) return statedBytes(input, 0, input.length)
  let most = 0
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= input.length; ) {
    const bytes = input.readInt32BE(at)
    if (bytes === HEADER_AGAIN) at += XERIAL_HEADER_BYTES
    else if (bytes < 0 || at + 4 + bytes > input.length) break
    else {
      most += statedBytes(input, at + 4, at + 4 + bytes)
      at += 4 + bytes
    }
  }
  return most
}

function statedBytes(input: Buffer, start: number, end: number): number {
  try {
    return Math.min(readLength(input, start, end).value, (end - start) * MAX_RATIO)
  } catch {
    return 0
  }
}

/** The first header's version is not looked at, as in the Java client. */
export function isFramed(input: Buffer): boolean {
  return input.length >= XERIAL_HEADER_BYTES && XERIAL_MAGIC.compare(input, 0, XERIAL_MAGIC.length) === 0
}

function passHeader(input: Buffer, at: number): number {
  const end = at + XERIAL_HEADER_BYTES
  if (end > input.length) throw new RangeError('snappy header is cut off')
  if (XERIAL_MAGIC.compare(input, at, at + XERIAL_MAGIC.length) !== 0) {
    throw new NonconformingInput('a repeated snappy header is damaged')
  }
  if (input.readInt32BE(at + XERIAL_MAGIC.length) < 1) throw new RangeError('snappy version is not known')
  return end
}

function decompressBlock(input: Buffer, start: number, end: number, output: GrowingOutput): void {
  const { value: length, next } = readLength(input, start, end)
  // A length beyond that is a lie, found before memory is taken.
  if (length > (end - start) * MAX_RATIO)
    throw new RangeError('snappy length is more than the block can hold')
  if (length > output.room) throw new OutputTooLarge(`snappy block of ${length} bytes`)
  const from = output.length
  for (let at = next; at < end; ) {
    const tag = input.readUInt8(at++)
    if ((tag & 3) === 0) {
      const literal = literalLength(input, tag, at)
      at = literal.next + literal.bytes
      if (at > end || output.length - from + literal.bytes > length) throw malformed()
      output.append(input, literal.next, at)
    } else {
      const copy = copyElement(input, tag, at)
      at = copy.next
      const written = output.length - from
      if (at > end || copy.distance === 0 || copy.distance > written || written + copy.bytes > length) {
        throw malformed()
      }
      output.repeat(copy.distance, copy.bytes)
    }
  }
  if (output.length - from !== length) throw malformed()
}

function readLength(
  input: Buffer,
  start: number,
  end: number,
): { readonly value: number; readonly next: number } {
  let value = 0
  for (let at = start; at < Math.min(end, start + 5); at++) {
    const byte = input.readUInt8(at)
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    if (byte < 0x80) {
      if (value > 0xffff_ffff) break
      return { value, next: at + 1 }
    }
  }
  throw malformed()
}

function literalLength(input: Buffer, tag: number, at: number) {
  const short = tag >> 2
  if (short < 60) return { bytes: short + 1, next: at }
  const size = short - 59
  return { bytes: input.readUIntLE(at, size) + 1, next: at + size }
}

function copyElement(input: Buffer, tag: number, at: number) {
  if ((tag & 3) === 1) {
    return { bytes: ((tag >> 2) & 7) + 4, distance: ((tag >> 5) << 8) | input.readUInt8(at), next: at + 1 }
  }
  const bytes = (tag >> 2) + 1
  if ((tag & 3) === 2) return { bytes, distance: input.readUInt16LE(at), next: at + 2 }
  return { bytes, distance: input.readUInt32LE(at), next: at + 4 }
}

function malformed(): RangeError {
  return new RangeError('malformed snappy block')
}
