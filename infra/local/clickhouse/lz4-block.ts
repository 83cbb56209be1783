/** LZ4 blocks, after the public description of the LZ4 block format. */

const MIN_MATCH = 4
const MAX_DISTANCE = 0xffff
/** The format's end conditions: the last bytes are literals. */
const LAST_LITERALS = 5
const MATCH_LIMIT = 12

/**
 * Decodes `source` into `target` from `from` on; what stands before is history that matches may point into.
 * Returns where the decoded bytes end. Throws when the block is not sound or does not fit.
 */
export function decodeLz4Block(source: Uint8Array, target: Uint8Array, from: number): number {
  let read = 0
  let write = from
  while (read < source.length) {
    const token = source[read++] ?? 0
    const literals = lengthAt(source, read, token >> 4)
    read = literals.next
    const literalsEnd = read + literals.length
    if (literalsEnd > source.length || write + literals.length > target.length) throw damaged()
    target.set(source.subarray(read, literalsEnd), write)
    write += literals.length
    read = literalsEnd
    if (read === source.length) break
    const distance = (source[read] ?? 0) | ((source[read + 1] ?? 0) << 8)
    const match = lengthAt(source, read + 2, token & 15)
    read = match.next
    write = copyMatch(target, write, distance, match.length + MIN_MATCH)
  }
  return write
}

function lengthAt(
  source: Uint8Array,
  at: number,
  nibble: number,
): { readonly length: number; readonly next: number } {
  let length = nibble
  let next = at
  if (nibble === 15) {
    for (let byte = 255; byte === 255; length += byte) {
      if (next >= source.length) throw damaged()
      byte = source[next++] ?? 0
    }
  }
  return { length, next }
}

function copyMatch(target: Uint8Array, write: number, distance: number, length: number): number {
  const end = write + length
  if (distance === 0 || distance > write || end > target.length) throw damaged()
  if (distance >= length) target.copyWithin(write, write - distance, write - distance + length)
  // An overlapping match repeats what it has just written.
  else for (let at = write; at < end; at++) target[at] = target[at - distance] ?? 0
  return end
}

function damaged(): Error {
  return new Error('LZ4 block is damaged')
}

/** Encodes `source` as one block; the result may be longer than it where nothing repeats. */
export function encodeLz4Block(source: Buffer): Buffer {
  const target = Buffer.allocUnsafe(source.length + Math.ceil(source.length / 255) + 16)
  const seen = new Int32Array(1 << 14).fill(-1)
  let write = 0
  let anchor = 0
  for (let at = 0; at + MATCH_LIMIT < source.length; ) {
    const word = source.readInt32LE(at)
    const slot = Math.imul(word, 0x9e3779b1) >>> 18
    const candidate = seen[slot] ?? -1
    seen[slot] = at
    if (candidate < 0 || at - candidate > MAX_DISTANCE || source.readInt32LE(candidate) !== word) {
      at++
      continue
    }
    const end = matchEnd(source, candidate, at)
    write = putSequence(target, write, source.subarray(anchor, at), {
      distance: at - candidate,
      length: end - at,
    })
    at = end
    anchor = end
  }
  return target.subarray(0, putSequence(target, write, source.subarray(anchor), null))
}

function matchEnd(source: Buffer, candidate: number, at: number): number {
  const limit = source.length - LAST_LITERALS
  let end = at + MIN_MATCH
  while (end < limit && source[end] === source[candidate + end - at]) end++
  return end
}

type Match = { readonly distance: number; readonly length: number }

function putSequence(target: Buffer, at: number, literals: Buffer, match: Match | null): number {
  const matchLength = match === null ? 0 : match.length - MIN_MATCH
  target[at] = (Math.min(literals.length, 15) << 4) | Math.min(matchLength, 15)
  let write = putLength(target, at + 1, literals.length)
  write += literals.copy(target, write)
  if (match === null) return write
  write = target.writeUInt16LE(match.distance, write)
  return putLength(target, write, matchLength)
}

function putLength(target: Buffer, at: number, length: number): number {
  if (length < 15) return at
  let left = length - 15
  let write = at
  for (; left >= 255; left -= 255) target[write++] = 255
  target[write++] = left
  return write
}
