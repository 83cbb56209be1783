import { type SliceOptions, slices } from '../../../consumers/kafka/protocol/record-batch.ts'
import { type FetchedRecord, toTime } from '../../../consumers/kafka/protocol/record-reader.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { batchesAtBoundaries } from '../../support/kafka/boundary-batches.ts'
import { randomBatch } from '../../support/kafka/random-batch.ts'
import { RandomSource } from '../../support/kafka/random-source.ts'
import { randomTransactions } from '../../support/kafka/random-transactions.ts'
import { buildBatch } from '../../unit/consumers/kafka/protocol/batch-builder.ts'
import { holesIn } from './collector.ts'
import type { JavaAnswer, JavaReader, JavaRecord, JavaRequest } from './java-reader.ts'

const AT_ONCE = 500
const MAX_BATCH_BYTES = 1_048_576

/**
 * Where a batch that the Java client reads is set aside all the same: docs/decisions/kafka-fetch-and-decode.md. Each
 * is a rule of the bytes, told by the reason that is given; offsets that do not rise are told by the Java client.
 */
const FORBIDDEN_BY_THE_FORMAT = [
  'an LZ4 block is empty',
  'an LZ4 match has no distance',
  'an LZ4 block does not end in literals',
  'a repeated snappy header is damaged',
  'many gzip members before a tail',
  'many zstd frames',
]

/** What came of a campaign; `differences` is empty, or there is a fault in one of the two. */
export interface Differences {
  readonly read: number
  readonly refused: number
  /** Set aside here by a documented rule, read there. By rule. */
  readonly byRule: ReadonlyMap<string, number>
  readonly byCodec: ReadonlyMap<number, number>
  readonly differences: readonly string[]
}

/** Compares what we make of `count` random batches with what the Java client makes of them. */
export async function compareWithJava(java: JavaReader, count: number, seed: number): Promise<Differences> {
  const random = new RandomSource(seed)
  const made = await java.made
  return compareAll(java, count, () => randomRequest(random, made))
}

/** The same where a stream ends near the end of an input buffer of the Java client, with something behind it. */
export function compareAtBoundaries(java: JavaReader, seed: number): Promise<Differences> {
  const random = new RandomSource(seed)
  const batches = batchesAtBoundaries(random)
  return compareAll(java, batches.length, () => {
    const next = batches.pop() ?? Buffer.alloc(0)
    return { from: next.readBigInt64BE(0), aborted: [], batches: next }
  })
}

async function compareAll(java: JavaReader, count: number, next: () => JavaRequest): Promise<Differences> {
  const tally = { read: 0, refused: 0, byRule: new Map<string, number>(), byCodec: new Map<number, number>() }
  const differences: string[] = []
  for (let done = 0; done < count; done += AT_ONCE) {
    const requests = Array.from({ length: Math.min(AT_ONCE, count - done) }, next)
    const answers = await java.ask(requests)
    for (const [i, request] of requests.entries()) {
      const answer = answers[i]
      if (answer === undefined) throw new RangeError('no answer')
      const verdict = compare(request, answer)
      const codec = request.batches.readInt16BE(21) & 7
      tally.byCodec.set(codec, (tally.byCodec.get(codec) ?? 0) + 1)
      if (verdict === 'read' || verdict === 'refused') tally[verdict] += 1
      else if ('rule' in verdict) tally.byRule.set(verdict.rule, (tally.byRule.get(verdict.rule) ?? 0) + 1)
      else differences.push(`${verdict.difference}: ${request.batches.toString('hex')} from ${request.from}`)
    }
  }
  return { ...tally, differences }
}

function randomRequest(random: RandomSource, made: readonly Buffer[]): JavaRequest {
  if (random.once(20)) {
    const log = randomTransactions(random)
    return { ...log, from: within(random, log.batches) }
  }
  const batches = randomBatch(random, BigInt(random.int(1_000)), { made })
  return { from: within(random, batches), aborted: [], batches }
}

/** A broker's answer begins with the batch that holds the offset, or with one behind it. */
function within(random: RandomSource, batches: Buffer): bigint {
  const first = batches.readBigInt64BE(0)
  if (!random.once(8)) return first
  const from = first + BigInt(random.int(Math.max(1, batches.readInt32BE(23) + 2)) - 1)
  return from < 0n ? 0n : from
}

type Verdict = 'read' | 'refused' | { readonly rule: string } | { readonly difference: string }

function compare(request: JavaRequest, java: JavaAnswer): Verdict {
  const ours = readOurselves(request)
  if (ours.kind === 'unreadable') {
    const isNegative = request.batches.readInt32BE(23) < 0
    return isNegative ? { rule: 'a last offset before the first' } : { difference: `thrown: ${ours.cause}` }
  }
  if (ours.fault !== null && java.kind === 'refused') return 'refused'
  if (ours.fault !== null && java.kind === 'read') {
    const rule = ruleOf(ours.fault, java)
    return rule === null ? { difference: `only Java reads it (${ours.fault})` } : { rule }
  }
  if (java.kind === 'refused') return { difference: `only Java refuses it (${java.cause})` }
  const theirs = java.records.map(textOfJava).join('\n')
  const found = ours.records.map(textOfOurs).join('\n')
  if (java.leavesOut) return { difference: 'Java leaves out records, we do not' }
  return theirs === found ? 'read' : { difference: `other records\n${theirs}\n${found}\n` }
}

function ruleOf(fault: string, java: JavaAnswer & { readonly kind: 'read' }): string | null {
  if (java.leavesOut) return 'offsets that do not rise within the batch'
  if (fault.startsWith('OVERSIZED')) {
    const bytes = java.records.reduce(
      (sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0),
      0,
    )
    return bytes * 2 > MAX_BATCH_BYTES ? 'more bytes than a batch may have' : null
  }
  return FORBIDDEN_BY_THE_FORMAT.find((reason) => fault.includes(reason)) ?? null
}

type Ours =
  | {
      readonly kind: 'read'
      readonly records: readonly FetchedRecord[]
      /** Code and reason of the first batch that was set aside. */
      readonly fault: string | null
    }
  | { readonly kind: 'unreadable'; readonly cause: string }

/** Reads the batches with a good one behind them, which must come out, whatever they are. */
function readOurselves({ batches, from, aborted }: JavaRequest): Ours {
  const after = lastOffset(batches) + 1n
  const neighbour = buildBatch({ base: after, records: [{ delta: 0, value: Buffer.from('neighbour') }] })
  const options: SliceOptions = {
    ...{ topic: 't', partition: 0, from, aborted, withHeaders: true },
    ...{ maxSliceBytes: 1, maxBatchBytes: MAX_BATCH_BYTES },
    recordBatches: Buffer.concat([batches, neighbour]),
  }
  try {
    const all = [...slices(options)]
    const records = all.flatMap((slice) => slice.records)
    // Where there is a hole the Java client must find no record either: its records are compared with ours.
    const isInOrder = holesIn(all.map((slice) => ({ ...slice, ...NOWHERE }))) !== null
    if (records.pop()?.offset !== after || !isInOrder)
      return { kind: 'unreadable', cause: 'a neighbour is missing' }
    const faulty = records.find(({ fault }) => fault !== null)
    const isAside = all.some(({ gaps }) => gaps.some(({ reason }) => reason === 'quarantined'))
    const fault = faulty?.fault ?? (isAside ? { code: 'CORRUPT_BATCH', reason: 'below the offset' } : null)
    return { kind: 'read', records, fault: fault === null ? null : `${fault.code} ${fault.reason}` }
  } catch (error) {
    if (!(error instanceof DaybookError)) throw error
    return { kind: 'unreadable', cause: error.code }
  }
}

const NOWHERE = { partition: { topic: 't', topicId: '', partition: 0 }, generation: 1, highWatermark: 0n }

function lastOffset(batches: Buffer): bigint {
  let last = 0n
  for (let at = 0; at < batches.length; at += 12 + batches.readInt32BE(at + 8)) {
    last = batches.readBigInt64BE(at) + BigInt(batches.readInt32BE(at + 23))
  }
  return last
}

function textOfJava(record: JavaRecord): string {
  return textOf({ ...record, appendTime: toTime(record.timestamp) })
}

function textOfOurs({
  offset,
  appendTime,
  hasProducerTime,
  key,
  value,
  headers = [],
}: FetchedRecord): string {
  return textOf({ offset, appendTime, hasProducerTime, key, value, headers })
}

/** Replacement characters in names of headers are as many as the decoder likes. */
function textOf(record: Omit<JavaRecord, 'timestamp'> & { readonly appendTime: number }): string {
  const { offset, appendTime, hasProducerTime, key, value } = record
  const headers = record.headers.map(([name, bytes]) => [name.replace(/\uFFFD+/g, '?'), hex(bytes)])
  return JSON.stringify([String(offset), appendTime, hasProducerTime, hex(key), hex(value), headers])
}

function hex(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('hex')
}
