import { decompressGzip, endOfGzipHeader } from './gzip.ts'
import { decompressLz4Frame, readDescriptor } from './lz4.ts'
import { isTooLarge } from './output-too-large.ts'
import { decompressSnappy, isFramed } from './snappy.ts'
import { decompressZstd } from './zstd.ts'

interface Codec {
  readonly name: string
  readonly run: (input: Buffer, maxBytes: number) => Buffer
  /** What the Java client looks at before it asks for the first byte; throws where that fails. */
  readonly open: (input: Buffer, maxBytes: number) => void
}

/** By the number in a batch's attributes. */
const CODECS: ReadonlyMap<number, Codec> = new Map([
  [1, { name: 'gzip', run: decompressGzip, open: (input) => void endOfGzipHeader(input, 0) }],
  [2, { name: 'snappy', run: decompressSnappy, open: openSnappy }],
  [3, { name: 'lz4', run: decompressLz4Frame, open: (input) => void readDescriptor(input) }],
  [4, { name: 'zstd', run: decompressZstd, open: () => undefined }],
])

const NOTHING = Buffer.alloc(0)

export type Unpacked =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** More than `maxBytes`, of which no more were unpacked. */
  | { readonly kind: 'too-large' }
  /** `reason` is a part of a sentence, and holds nothing of the bytes. */
  | { readonly kind: 'malformed'; readonly reason: string }

/**
 * Decompresses the records of one batch as Kafka's Java client does. Never throws for what the bytes are.
 * @param isEmpty The batch counts no records: then only what that client looks at is looked at, and no bytes are given.
 */
export function decompress(codec: number, input: Buffer, maxBytes: number, isEmpty = false): Unpacked {
  const known = CODECS.get(codec)
  if (known === undefined) return { kind: 'malformed', reason: `compression codec ${codec} is not defined` }
  try {
    if (!isEmpty) return { kind: 'bytes', bytes: known.run(input, maxBytes) }
    known.open(input, maxBytes)
    return { kind: 'bytes', bytes: NOTHING }
  } catch (error) {
    if (isTooLarge(error)) return { kind: 'too-large' }
    return { kind: 'malformed', reason: `not valid ${known.name} (${causeOf(error)})` }
  }
}

function openSnappy(input: Buffer, maxBytes: number): void {
  if (!isFramed(input)) decompressSnappy(input, maxBytes)
}

/** Our own words, or the code of node:zlib. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error) return String(error.code)
  return error.message
}
