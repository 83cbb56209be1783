import {
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../runtime/kafka-wire/batch-header.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import type { FetchedRecord } from '../protocol/record-reader.ts'
import { type BadKind, type BadList, decodeBadList } from './bad-list.ts'
import { HeaderReader, isPlace, LAST_OFFSET, printable, timeOrNull } from './header-reader.ts'
import { FORMAT, QUARANTINE_HEADER } from './quarantine-message.ts'

/** One quarantined batch, or one record alone, as the quarantine tells of it. Nothing here is proved. */
export interface QuarantineEntry {
  readonly partition: PartitionRef
  /** Offsets of the batch (of all batches, where a reference stands for several), both included. */
  readonly first: bigint
  readonly last: bigint
  /** Milliseconds since the Unix epoch; null where it is no time. */
  readonly appendTime: number | null
  readonly kind: 'batch' | 'record'
  /** The bytes are not here: `bytes` is how they begin, `sha256` the hash of all of them. */
  readonly reference: { readonly sha256: string; readonly spans: readonly Span[] | null } | null
  /** The batch could not be taken apart. */
  readonly isWhole: boolean
  /** Of the batch as it came, or of the record's value. */
  readonly sizeBytes: number
  readonly bad: BadRuns
  /** The batch, or the record's value; null where that was null. */
  readonly bytes: Buffer | null
  /** Of a record. */
  readonly key: Buffer | null
}

export interface Span {
  readonly first: bigint
  readonly last: bigint
}

/** Bad records that follow each other and are bad for the same reason. */
export interface BadRun extends Span, BadKind {}

export interface BadRuns {
  readonly count: number
  /** Every code that occurs. */
  readonly codes: readonly string[]
  /** Null where the list was too long to be kept. */
  readonly runs: (() => Generator<BadRun>) | null
}

/** What a record of the quarantine topic is. */
export type QuarantineRecord =
  | { readonly kind: 'entries'; readonly entries: readonly QuarantineEntry[] }
  /** It has no header of ours. */
  | { readonly kind: 'foreign' }
  /** It has headers of ours that no quarantine writes so. */
  | { readonly kind: 'malformed'; readonly fault: string }

/** Never throws, whatever the record is: anybody who may write to the topic may have made it. */
export function readQuarantineRecord(record: FetchedRecord): QuarantineRecord {
  const headers = new HeaderReader(record.headers ?? [])
  const H = QUARANTINE_HEADER
  if (!headers.has(H.topicId)) return { kind: 'foreign' }
  try {
    const isAlone = headers.has(H.offset)
    const format = headers.text(H.format)
    if (format !== null && format !== FORMAT) throw new Malformed(H.format)
    return { kind: 'entries', entries: isAlone ? [readAlone(headers, record)] : readBatches(headers, record) }
  } catch (error) {
    if (error instanceof Malformed)
      return { kind: 'malformed', fault: `${error.part} is not as the quarantine writes it` }
    throw error
  }
}

class Malformed extends Error {
  readonly part: string

  constructor(part: string) {
    super(part)
    this.part = part
  }
}

function require<T>(value: T | null | undefined, part: string): T {
  if (value === null || value === undefined) throw new Malformed(part)
  return value
}

/** A record alone, in format 1 also a batch that could not be taken apart. */
function readAlone(headers: HeaderReader, { value }: FetchedRecord): QuarantineEntry {
  const H = QUARANTINE_HEADER
  const partition = {
    topic: headers.text(H.topic) ?? '',
    topicId: headers.text(H.topicId) ?? '',
    partition: Number(require(headers.digits(H.partition, 10), H.partition)),
  }
  const offset = BigInt(require(headers.digits(H.offset, 19), H.offset))
  if (!isPlace(partition) || offset > LAST_OFFSET) throw new Malformed('the place')
  const time = headers.digits(H.appendTime, 16)
  const schemaId = headers.has(H.schemaId) ? require(headers.digits(H.schemaId, 10), H.schemaId) : null
  const isWhole = headers.has(H.batch)
  const reference = headers.has(H.reference) ? readReference(headers) : null
  const last = isWhole && value !== null ? lastOfBatch(value, offset) : offset
  const run = {
    ...{ first: offset, last },
    code: require(headers.code(H.code), H.code),
    reason: printable(headers.text(H.reason) ?? ''),
    schemaId: schemaId === null ? null : Number(schemaId),
  }
  return {
    ...{ partition, first: offset, last, isWhole },
    appendTime: timeOrNull(Number(require(time, H.appendTime))) ?? require(null, H.appendTime),
    kind: isWhole ? 'batch' : 'record',
    reference:
      reference === null ? null : { sha256: reference.sha256, spans: [{ first: offset, last: offset }] },
    sizeBytes: reference?.bytes ?? value?.length ?? 0,
    bad: { count: Number(last - offset) + 1, codes: [run.code], runs: once(run) },
    bytes: value,
    key: headers.bytes(H.key),
  }
}

function once(run: BadRun) {
  return function* () {
    yield run
  }
}

function lastOfBatch(batch: Buffer, offset: bigint): bigint {
  if (batch.length < BATCH_HEADER_BYTES) return offset
  return offset + BigInt(Math.max(0, batch.readInt32BE(BATCH_FIELD.lastOffsetDelta)))
}

function readBatches(headers: HeaderReader, { key, value }: FetchedRecord): QuarantineEntry[] {
  const H = QUARANTINE_HEADER
  const place = require(/^([^:]+):(\d{1,10}):(\d{1,19})$/.exec(
    key?.subarray(0, 300).toString('latin1') ?? '',
  ), 'the key')
  const [, topic = '', number = '', first = ''] = place
  const partition = { topic, topicId: headers.text(H.topicId) ?? '', partition: Number(number) }
  if (!isPlace(partition) || BigInt(first) > LAST_OFFSET) throw new Malformed('the place')
  const list = require(decodeBadList(headers.bytes(H.bad) ?? Buffer.alloc(0)), H.bad)
  if (list.kinds.some(({ code }) => !HeaderReader.isCode(code))) throw new Malformed(H.bad)
  const bytes = require(value, 'the value')
  if (headers.has(H.reference))
    return [readBatchesReference({ headers, partition, first: BigInt(first), list, bytes })]
  return batchesIn(partition, bytes, BigInt(first), list)
}

/** The batches of a value, one after another. */
function batchesIn(partition: PartitionRef, bytes: Buffer, first: bigint, list: BadList): QuarantineEntry[] {
  const entries: QuarantineEntry[] = []
  const whole = new Set(list.whole)
  for (let at = 0; at < bytes.length; ) {
    if (at + BATCH_HEADER_BYTES > bytes.length) throw new Malformed('the value')
    const end = at + BATCH_PREFIX_BYTES + bytes.readInt32BE(at + BATCH_FIELD.length)
    const base = bytes.readBigInt64BE(at)
    const lastDelta = bytes.readInt32BE(at + BATCH_FIELD.lastOffsetDelta)
    const isBatch = end >= at + BATCH_HEADER_BYTES && end <= bytes.length && lastDelta >= 0
    if (!isBatch || base < (entries.at(-1)?.last ?? first - 1n) + 1n) throw new Malformed('the value')
    const number = entries.length
    const span = { first: base, last: base + BigInt(lastDelta) }
    entries.push({
      ...span,
      partition,
      appendTime: timeOrNull(Number(bytes.readBigInt64BE(at + BATCH_FIELD.maxTimestamp))),
      ...{ kind: 'batch', reference: null, key: null, isWhole: whole.has(number) },
      sizeBytes: end - at,
      bad: badRuns(list, [span], number),
      bytes: bytes.subarray(at, end),
    })
    at = end
  }
  if (entries[0]?.first !== first) throw new Malformed('the value')
  if (list.runs !== null && list.runs.length !== entries.length) throw new Malformed(QUARANTINE_HEADER.bad)
  return entries
}

interface ReferenceParts {
  readonly headers: HeaderReader
  readonly partition: PartitionRef
  readonly first: bigint
  readonly list: BadList
  readonly bytes: Buffer
}

function readBatchesReference({ headers, partition, first, list, bytes }: ReferenceParts): QuarantineEntry {
  const { reference: name } = QUARANTINE_HEADER
  const { last: text, appendTime, bytes: sizeBytes, sha256 } = readReference(headers)
  const last = BigInt(require(text, name))
  const spans = list.spans === null ? null : spansOf(first, list.spans)
  const isWithin = spans === null || (spans.length > 0 && spans.at(-1)?.last === last)
  if (last < first || last > LAST_OFFSET || !isWithin) throw new Malformed(name)
  if (list.runs !== null && list.runs.length !== spans?.length) throw new Malformed(QUARANTINE_HEADER.bad)
  return {
    ...{ partition, first, last, appendTime, sizeBytes, bytes },
    kind: 'batch',
    reference: { sha256, spans },
    isWhole: list.whole.length > 0,
    bad: badRuns(list, spans ?? [], null),
    key: null,
  }
}

function readReference(headers: HeaderReader) {
  const name = QUARANTINE_HEADER.reference
  const parsed = require(headers.json(name), name)
  const field = (key: string): unknown => Reflect.get(parsed, key)
  const [bytes, sha256, last, time] = [field('bytes'), field('sha256'), field('last'), field('appendTime')]
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) throw new Malformed(name)
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw new Malformed(name)
  const isOffset = typeof last === 'string' && /^\d{1,19}$/.test(last)
  return {
    ...{ bytes, sha256, last: isOffset ? last : null },
    appendTime: typeof time === 'number' ? timeOrNull(time) : null,
  }
}

function spansOf(first: bigint, numbers: readonly number[]): Span[] {
  const spans: Span[] = []
  let next = first
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const from = next + BigInt(numbers[at] ?? 0)
    next = from + BigInt(numbers[at + 1] ?? 0)
    if (next <= from) throw new Malformed(QUARANTINE_HEADER.bad)
    spans.push({ first: from, last: next - 1n })
  }
  return spans
}

/** The runs of batch `number`, or of all of them; each lies within its batch. */
function badRuns(list: BadList, spans: readonly Span[], number: number | null): BadRuns {
  const own = number === null ? list.runs : list.runs?.slice(number, number + 1)
  const codeOf = (kind: number | undefined) => list.kinds[kind ?? 0]?.code ?? ''
  if (own === null || own === undefined)
    return { count: list.count, codes: [...new Set(list.kinds.map(({ code }) => code))], runs: null }
  let count = 0
  const codes = new Set<string>()
  for (const [at, numbers] of own.entries()) {
    count += checkedCount(numbers, spans[at])
    for (let i = 2; i < numbers.length; i += 3) codes.add(codeOf(numbers[i]))
  }
  return {
    ...{ count, codes: [...codes] },
    runs: function* () {
      for (const [at, numbers] of own.entries()) yield* expand(numbers, spans[at]?.first ?? 0n, list.kinds)
    },
  }
}

function checkedCount(numbers: readonly number[], span: Span | undefined): number {
  const room = span === undefined ? 0 : Number(span.last - span.first) + 1
  let at = 0
  let count = 0
  for (let i = 0; i < numbers.length; i += 3) {
    const length = numbers[i + 1] ?? 0
    at += (numbers[i] ?? 0) + length
    count += length
    if (length === 0 || at > room) throw new Malformed(QUARANTINE_HEADER.bad)
  }
  return count
}

function* expand(numbers: readonly number[], first: bigint, kinds: readonly BadKind[]): Generator<BadRun> {
  let next = first
  for (let i = 0; i < numbers.length; i += 3) {
    const from = next + BigInt(numbers[i] ?? 0)
    next = from + BigInt(numbers[i + 1] ?? 0)
    const { code, reason, schemaId } = kinds[numbers[i + 2] ?? 0] ?? { code: '', reason: '', schemaId: null }
    yield { first: from, last: next - 1n, code, reason: printable(reason), schemaId }
  }
}
