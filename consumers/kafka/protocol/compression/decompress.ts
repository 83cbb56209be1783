import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { DaybookError } from '../../../../schemas/errors.ts'
import { decompressLz4Frames } from './lz4.ts'
import { OutputTooLarge } from './output-too-large.ts'
import { decompressSnappy } from './snappy.ts'

export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** A batch that decompresses to more is given up after at most this many bytes. */
  readonly maxBatchBytes: number
}

type Decompress = (input: Buffer, maxBytes: number) => Buffer

/** By the number in a batch's attributes. */
const CODECS: ReadonlyMap<number, { readonly name: string; readonly run: Decompress }> = new Map([
  [1, { name: 'gzip', run: (input, max) => gunzipSync(input, { maxOutputLength: max }) }],
  [2, { name: 'snappy', run: decompressSnappy }],
  [3, { name: 'lz4', run: decompressLz4Frames }],
  [4, { name: 'zstd', run: (input, max) => zstdDecompressSync(input, { maxOutputLength: max }) }],
])

/**
 * Decompresses the records of one batch; null where they are more than `place.maxBatchBytes`.
 * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT for undecodable bytes, DAYBOOK_KAFKA_CODEC_UNKNOWN for a codec
 *   number that Kafka has not defined.
 */
export function decompress(codec: number, input: Buffer, place: BatchPlace): Buffer | null {
  const known = CODECS.get(codec)
  if (known === undefined) throw unknownCodec(codec, place)
  try {
    return known.run(input, place.maxBatchBytes)
  } catch (error) {
    if (isTooLarge(error)) return null
    throw undecodable(known.name, place, error)
  }
}

function isTooLarge(error: unknown): boolean {
  if (error instanceof OutputTooLarge) return true
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

function where({ topic, partition, offset }: BatchPlace): string {
  return `${topic}/${partition} offset ${offset}`
}

function details({ topic, partition, offset }: BatchPlace, codec: string | number) {
  return { topic, partition, offset, codec }
}

function unknownCodec(codec: number, place: BatchPlace): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_CODEC_UNKNOWN',
    `${where(place)}: compression codec ${codec} is not one that Kafka defines`,
    { details: details(place, codec) },
  )
}

function undecodable(codec: string, place: BatchPlace, cause: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_BATCH_CORRUPT',
    `${where(place)}: the batch is not valid ${codec}; check the broker's log with kafka-dump-log`,
    { cause, details: details(place, codec) },
  )
}
