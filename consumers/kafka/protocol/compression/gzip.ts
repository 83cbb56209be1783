import { crc32, gunzipSync, inflateRawSync } from 'node:zlib'
import { maxNativeCalls, unpackNatively, withConsumed, withoutRest } from './native-limits.ts'
import { NonconformingInput } from './nonconforming-input.ts'
import { isTooLarge, OutputTooLarge } from './output-too-large.ts'

const MAGIC = 0x8b1f
const DEFLATE = 8
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16 } as const
const FIXED_HEADER_BYTES = 10
const TRAILER_BYTES = 8
/** A match of 258 bytes takes two bits at least. */
const MAX_DEFLATE_RATIO = 1_032
/** The Java client's input buffer, whose boundaries decide what it makes of a few bytes after a member. */
const JAVA_BUFFER_BYTES = 8_192
/** Java looks for another member only where its buffer holds more than this from the trailer on, or its input has more. */
const JAVA_TAIL_BYTES = 26

/**
 * Gzip as Kafka's Java client reads it: members one after the other; what follows a member and is no member's header
 * is passed over.
 * @throws OutputTooLarge or node's ERR_BUFFER_TOO_LARGE beyond `maxBytes`; any other Error for malformed input
 */
export function decompressGzip(input: Buffer, maxBytes: number): Buffer {
  try {
    return unpackNatively(
      input.length,
      maxBytes,
      (limits) => withoutRest(gunzipSync(input, limits), limits.chunkSize),
      statedBytes(input),
    )
  } catch (error) {
    // One call reads all members at full speed, but refuses some headers and tails that Java does not mind.
    if (isTooLarge(error)) throw error
    return decompressMembers(input, maxBytes)
  }
}

/**
 * What the last member says that it unpacks to (RFC 1952, 2.3.1: ISIZE), usually the only one; null where it cannot be:
 * what must be copied together out of pieces takes twice the memory.
 */
function statedBytes(input: Buffer): number | null {
  if (input.length < FIXED_HEADER_BYTES + TRAILER_BYTES) return null
  const stated = input.readUInt32LE(input.length - 4)
  return stated <= input.length * MAX_DEFLATE_RATIO ? stated : null
}

function decompressMembers(input: Buffer, maxBytes: number): Buffer {
  const parts: Buffer[] = []
  let bytes = 0
  let at = endOfGzipHeader(input, 0)
  /** Up to where Java has taken input into its buffer. */
  let buffered = at
  for (let left = maxNativeCalls(input.length); ; left--) {
    if (left <= 0) throw new NonconformingInput('many gzip members before a tail')
    // How long a member is shows only afterwards, so each begins with a small buffer.
    const member = unpackNatively(0, maxBytes - bytes, (limits) =>
      withConsumed(inflateRawSync(input.subarray(at), { ...limits, info: true })),
    )
    parts.push(member.buffer)
    bytes += member.buffer.length
    if (bytes > maxBytes) throw new OutputTooLarge(`more than ${maxBytes} bytes of gzip`)
    at += member.consumed
    while (buffered < at) buffered = Math.min(buffered + JAVA_BUFFER_BYTES, input.length)
    checkTrailer(input, at, member.buffer)
    const end = at + TRAILER_BYTES
    if (input.length <= Math.max(buffered, end) && buffered - at <= JAVA_TAIL_BYTES) break
    try {
      at = endOfGzipHeader(input, end)
    } catch {
      break
    }
    buffered = Math.max(buffered, at)
  }
  return Buffer.concat(parts)
}

function checkTrailer(input: Buffer, at: number, output: Buffer): void {
  if (input.readUInt32LE(at) !== crc32(output) || input.readUInt32LE(at + 4) !== output.length) {
    throw new RangeError('gzip trailer does not match')
  }
}

/** @throws RangeError where no member begins at `start` */
export function endOfGzipHeader(input: Buffer, start: number): number {
  if (input.readUInt16LE(start) !== MAGIC || input.readUInt8(start + 2) !== DEFLATE) {
    throw new RangeError('not a gzip member')
  }
  const flags = input.readUInt8(start + 3)
  let at = start + FIXED_HEADER_BYTES
  if ((flags & FLAG.extra) !== 0) at += 2 + input.readUInt16LE(at)
  if ((flags & FLAG.name) !== 0) at = endOfText(input, at)
  if ((flags & FLAG.comment) !== 0) at = endOfText(input, at)
  if ((flags & FLAG.headerCrc) !== 0) {
    if (input.readUInt16LE(at) !== (crc32(input.subarray(start, at)) & 0xffff)) {
      throw new RangeError('gzip header checksum does not match')
    }
    at += 2
  }
  if (at > input.length) throw new RangeError('gzip header is cut off')
  return at
}

function endOfText(input: Buffer, at: number): number {
  const zero = input.indexOf(0, at)
  if (zero < 0) throw new RangeError('gzip header is cut off')
  return zero + 1
}
