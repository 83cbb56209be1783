const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_MASK = 0xffff_fff0
const BLOCK = { raw: 0, repeat: 1, compressed: 2, reserved: 3 } as const
/** Larger windows than 128 MiB are refused by every decoder that is not told otherwise. */
const LARGEST_WINDOW_LOG = 27
/** RFC 8878, section 3.1.1.2.4: what a block puts out. */
const LARGEST_BLOCK_BYTES = 131_072

/** What begins at a position of zstd input: RFC 8878, section 3.1. */
export type ZstdFrame =
  | { readonly kind: 'skippable'; readonly end: number }
  /** Puts out nothing and claims nothing. */
  | { readonly kind: 'empty'; readonly end: number }
  /**
   * What it puts out has at least `leastBytes` and at most `mostBytes`: by the headers of its blocks, or exactly what it
   * claims where they allow that, because decoders refuse a wrong claim.
   */
  | { readonly kind: 'data'; readonly end: number; readonly leastBytes: number; readonly mostBytes: number }
  /** The input ends within it. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'bad' }

/** Finds where a frame ends by its header and those of its blocks, without unpacking it. */
export function zstdFrameAt(input: Buffer, start: number): ZstdFrame {
  if (start + 4 > input.length) return isMagicBegun(input, start) ? { kind: 'cut' } : { kind: 'bad' }
  const magic = input.readUInt32LE(start)
  if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
    if (start + 8 > input.length) return { kind: 'cut' }
    const end = start + 8 + input.readUInt32LE(start + 4)
    return end > input.length ? { kind: 'cut' } : { kind: 'skippable', end }
  }
  return magic === MAGIC ? dataFrame(input, start) : { kind: 'bad' }
}

/** A prefix of fewer than four bytes that may still become a magic number. */
function isMagicBegun(input: Buffer, start: number): boolean {
  const rest = [...input.subarray(start)]
  const magic = [0x28, 0xb5, 0x2f, 0xfd]
  const skippable = [0x50, 0x2a, 0x4d, 0x18]
  return (
    rest.every((byte, i) => byte === magic[i]) ||
    rest.every((byte, i) => (i === 0 ? byte & 0xf0 : byte) === skippable[i])
  )
}

function dataFrame(input: Buffer, start: number): ZstdFrame {
  if (start + 5 > input.length) return { kind: 'cut' }
  const descriptor = input.readUInt8(start + 4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const isPlain = descriptor === 0 && (input[start + 5] ?? 255) <= (LARGEST_WINDOW_LOG - 10) << 3
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  let at = sizeAt + sizeBytes
  let bytes = 0
  let leastBytes = 0
  let mostBytes = 0
  for (;;) {
    if (at + 3 > input.length) return { kind: 'cut' }
    const header = input.readUIntLE(at, 3)
    const type = (header >> 1) & 3
    if (type === BLOCK.reserved) return { kind: 'bad' }
    const size = type === BLOCK.repeat ? 1 : header >> 3
    bytes += header >> 3
    if (type !== BLOCK.compressed) leastBytes += header >> 3
    mostBytes += type === BLOCK.compressed ? LARGEST_BLOCK_BYTES : header >> 3
    at += 3 + size
    if ((header & 1) === 1) break
  }
  const end = at + ((descriptor & 4) === 0 ? 0 : 4)
  if (end > input.length) return { kind: 'cut' }
  if (bytes === 0 && isPlain) return { kind: 'empty', end }
  const claimed = claimedBytes(input, sizeAt, sizeBytes)
  if (claimed === null || claimed < leastBytes || claimed > mostBytes)
    return { kind: 'data', end, leastBytes, mostBytes }
  return { kind: 'data', end, leastBytes: claimed, mostBytes: claimed }
}

/** RFC 8878, section 3.1.1.1.4: a size of two bytes counts from 256 on. */
function claimedBytes(input: Buffer, at: number, sizeBytes: number): number | null {
  if (sizeBytes === 0) return null
  if (sizeBytes === 8) return Number(input.readBigUInt64LE(at))
  return input.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
}
