import { gzipSync } from 'node:zlib'
import { BATCH_ATTRIBUTE } from '../../../../../runtime/kafka-wire/batch-header.ts'
import { rawBatch, rawRecord } from '../../../../support/raw-produce.ts'

/** A record batch as Kafka writes it (format version 2), for tests of its decoder. */
export interface BatchSpec {
  readonly base: bigint
  readonly records: readonly RecordSpec[]
  /** Default: that of the last record. */
  readonly lastOffsetDelta?: number
  readonly producerId?: bigint
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** Milliseconds; with it the batch has append time. */
  readonly appendTime?: number
  readonly firstTimestamp?: number
  readonly codec?: 0 | 1
}

export interface RecordSpec {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: number
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

export function buildBatch(spec: BatchSpec): Buffer {
  const body = Buffer.concat(spec.records.map(buildRecord))
  const { appendTime, codec = 0, firstTimestamp = 0, producerId = -1n } = spec
  const attributes =
    (appendTime === undefined ? 0 : BATCH_ATTRIBUTE.appendTime) |
    (spec.isTransactional === true ? BATCH_ATTRIBUTE.transactional : 0) |
    (spec.isControl === true ? BATCH_ATTRIBUTE.control : 0)
  return rawBatch({
    ...{ base: spec.base, codec, count: spec.records.length, attributes, producerId },
    body: codec === 1 ? gzipSync(body) : body,
    lastOffsetDelta: spec.lastOffsetDelta ?? spec.records.at(-1)?.delta ?? 0,
    firstTimestamp: BigInt(firstTimestamp),
    maxTimestamp: BigInt(appendTime ?? firstTimestamp),
  })
}

/** A transaction's end. */
export function buildMarker(base: bigint, producerId: bigint, kind: 'commit' | 'abort'): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1])
  const records = [{ delta: 0, key, value: Buffer.alloc(6) }]
  return buildBatch({ base, producerId, records, isTransactional: true, isControl: true })
}

export function buildRecord({ timestampDelta = 0, ...record }: RecordSpec): Buffer {
  return rawRecord({ ...record, timestampDelta: BigInt(timestampDelta) })
}
