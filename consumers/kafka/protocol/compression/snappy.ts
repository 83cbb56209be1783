import { OutputTooLarge } from './output-too-large.ts'

/** Magic of the framing that Kafka's Java clients use (snappy-java streams): then version and compatible version. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/**
 * Snappy as it occurs in Kafka: in xerial framing (Java clients) or as one raw block (librdkafka and others).
 * @throws OutputTooLarge beyond `maxBytes`; RangeError for malformed input
 */
export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  if (!input.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return decompressBlock(input, maxBytes)
  const blocks: Buffer[] = []
  let left = maxBytes
  for (let at = XERIAL_HEADER_BYTES; at < input.length; ) {
    const bytes = input.readInt32BE(at)
    if (bytes < 0 || at + 4 + bytes > input.length) throw new RangeError('snappy block is cut off')
    const block = decompressBlock(input.subarray(at + 4, at + 4 + bytes), left)
    blocks.push(block)
    left -= block.length
    at += 4 + bytes
  }
  return blocks.length === 1 && blocks[0] !== undefined ? blocks[0] : Buffer.concat(blocks)
}

function decompressBlock(input: Buffer, maxBytes: number): Buffer {
  const { value: length, next } = readLength(input)
  if (length > maxBytes) throw new OutputTooLarge(`snappy block of ${length} bytes`)
  // No element of three bytes makes more than 64: a length beyond that is a lie, found before memory is taken.
  if (length > input.length * 64) throw new RangeError('snappy length is more than the block can hold')
  const output = Buffer.allocUnsafe(length)
  let from = next
  let to = 0
  while (from < input.length) {
    const tag = input.readUInt8(from++)
    if ((tag & 3) === 0) {
      const literal = literalLength(input, tag, from)
      from = literal.next
      if (from + literal.bytes > input.length || to + literal.bytes > length) throw malformed()
      input.copy(output, to, from, from + literal.bytes)
      from += literal.bytes
      to += literal.bytes
    } else {
      const copy = copyElement(input, tag, from)
      from = copy.next
      if (copy.distance === 0 || copy.distance > to || to + copy.bytes > length) throw malformed()
      to = repeat(output, to, copy.distance, copy.bytes)
    }
  }
  if (to !== length) throw malformed()
  return output
}

function readLength(input: Buffer): { readonly value: number; readonly next: number } {
  let value = 0
  for (let at = 0; at < 5; at++) {
    const byte = input.readUInt8(at)
    value += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { value, next: at + 1 }
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

/** Copies from what was just written; source and target may overlap, then the pattern repeats. */
export function repeat(output: Buffer, to: number, distance: number, bytes: number): number {
  const end = to + bytes
  if (distance >= bytes) output.copyWithin(to, to - distance, end - distance)
  else for (let at = to; at < end; at++) output[at] = output[at - distance] ?? 0
  return end
}

function malformed(): RangeError {
  return new RangeError('malformed snappy block')
}
