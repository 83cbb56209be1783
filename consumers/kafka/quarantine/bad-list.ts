import { deflateSync, inflateSync } from 'node:zlib'
import type { BadBatch, BadRecord } from '../../engine/contracts.ts'

/** Why records are bad, as the list of a quarantine message says it once for all of them. */
export interface BadKind {
  readonly code: string
  readonly reason: string
  readonly schemaId: number | null
}

/** Which records of some batches are bad (docs/formats/quarantine.md). */
export interface BadList {
  readonly kinds: readonly BadKind[]
  /**
   * For each batch, in threes: offsets passed since the last run (or the batch's first offset), offsets in the run,
   * number of their kind. Null where the list would have been too long: then only `count` is known.
   */
  readonly runs: readonly (readonly number[])[] | null
  /** Bad records of all batches. */
  readonly count: number
  /** Numbers of the batches that could not be taken apart. */
  readonly whole: readonly number[]
  /**
   * Where the batches stand, in twos: offsets passed since the batch before, offsets of the batch. Null where the
   * batches themselves say it, or the list would have been too long.
   */
  readonly spans: readonly number[] | null
}

export interface EncodeOptions {
  readonly maxBytes: number
  readonly withSpans: boolean
}

const MAX_REASON_CHARS = 300
const MAX_KINDS = 1_000
/** Of all batches of a message, so that its list can be read back in bounded memory. */
export const MAX_RUNS = 100_000
/** Shorter lists stay readable. */
const DEFLATE_FROM_BYTES = 256
const MAX_INFLATED_BYTES = 4 * 1024 * 1024

/** The list as one header, at most `maxBytes` long: reasons are left out before offsets are. */
export function encodeBadList(batches: readonly BadBatch[], { maxBytes, withSpans }: EncodeOptions): Buffer {
  const list = { ...listBad(batches), spans: withSpans ? spansOf(batches) : null }
  for (const candidate of [() => list, () => kindsOnly(list)]) {
    const bytes = packed(candidate())
    if (bytes.length <= maxBytes) return bytes
  }
  const bytes = packed({ ...kindsOnly(list), runs: null, spans: null })
  if (bytes.length <= maxBytes) return bytes
  return packed({ kinds: [], runs: null, count: list.count, whole: list.whole.slice(0, 1), spans: null })
}

function packed(list: BadList): Buffer {
  const { kinds, runs, count, whole, spans } = list
  const text = JSON.stringify({
    count,
    ...(kinds.length === 0
      ? {}
      : { kinds: kinds.map(({ code, reason, schemaId }) => [code, reason, schemaId]) }),
    ...(runs === null ? {} : { bad: runs }),
    ...(whole.length === 0 ? {} : { whole }),
    ...(spans === null ? {} : { spans }),
  })
  const bytes = Buffer.from(text)
  return bytes.length < DEFLATE_FROM_BYTES ? bytes : deflateSync(bytes)
}

function listBad(batches: readonly BadBatch[]): Omit<BadList, 'spans'> {
  const kinds = new KindTable()
  const runs: number[][] = []
  const whole: number[] = []
  let numbers = 0
  let count = 0
  for (const [number, { first, last, bad, isWhole }] of batches.entries()) {
    count += isWhole ? Number(last - first) + 1 : bad.length
    if (isWhole) whole.push(number)
    const own = isWhole ? [0, Number(last - first) + 1, kinds.of(bad[0])] : runsOf(first, bad, kinds)
    numbers += own.length
    if (numbers <= 3 * MAX_RUNS) runs.push(own)
  }
  return { kinds: kinds.list, runs: numbers <= 3 * MAX_RUNS ? runs : null, count, whole }
}

function runsOf(first: bigint, bad: readonly BadRecord[], kinds: KindTable): number[] {
  const runs: number[] = []
  let next = 0
  let length = 0
  let kind = -1
  let skipped = 0
  for (const record of bad) {
    const at = Number(record.offset - first)
    const own = kinds.of(record)
    if (at === next && own === kind) {
      length++
    } else {
      if (length > 0) runs.push(skipped, length, kind)
      skipped = at - next
      length = 1
      kind = own
    }
    next = at + 1
  }
  if (length > 0) runs.push(skipped, length, kind)
  return runs
}

function spansOf(batches: readonly BadBatch[]): number[] | null {
  if (batches.length > MAX_RUNS) return null
  let next = batches[0]?.first ?? 0n
  return batches.flatMap(({ first, last }) => {
    const passed = Number(first - next)
    next = last + 1n
    return [passed, Number(last - first) + 1]
  })
}

/** Numbers the kinds of bad records; beyond `MAX_KINDS` only their codes differ. */
class KindTable {
  readonly list: BadKind[] = []
  readonly #numbers = new Map<string, number>()
  #last: { readonly kind: BadKind; readonly number: number } | null = null

  of(record: BadKind | undefined): number {
    const { code, reason, schemaId } = record ?? { code: 'MALFORMED', reason: '', schemaId: null }
    const last = this.#last
    if (last?.kind.code === code && last.kind.reason === reason && last.kind.schemaId === schemaId)
      return last.number
    const isFull = this.list.length >= MAX_KINDS
    const kind = isFull
      ? { code, reason: '', schemaId: null }
      : { code, reason: reason.slice(0, MAX_REASON_CHARS), schemaId }
    const number = this.#number(kind)
    this.#last = { kind: { code, reason, schemaId }, number }
    return number
  }

  #number(kind: BadKind): number {
    const key = `${kind.code} ${kind.schemaId} ${kind.reason}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.list.push(kind) - 1
    this.#numbers.set(key, number)
    return number
  }
}

/** The same list with kinds that differ by code alone. */
function kindsOnly({ kinds, runs, ...rest }: BadList): BadList {
  const codes = [...new Set(kinds.map(({ code }) => code))]
  const bare = codes.map((code) => ({ code, reason: '', schemaId: null }))
  const renumbered =
    runs?.map((own) => own.map((n, at) => (at % 3 === 2 ? codes.indexOf(kinds[n]?.code ?? '') : n))) ?? null
  return { ...rest, kinds: bare, runs: renumbered }
}

/** Null for what is no list: such bytes were written by no quarantine. */
export function decodeBadList(bytes: Buffer): BadList | null {
  const parsed = parse(bytes)
  if (typeof parsed !== 'object' || parsed === null) return null
  const field = (name: string): unknown => Reflect.get(parsed, name)
  const [count, kinds, runs] = [field('count'), field('kinds'), field('bad')]
  const [whole = [], spans = null] = [field('whole'), field('spans')]
  if (!isCount(count) || !isCounts(whole)) return null
  if (spans !== null && !(isCounts(spans) && spans.length % 2 === 0)) return null
  const knownKinds = kinds === undefined ? [] : kindsOf(kinds)
  const knownRuns = runs === undefined ? null : allRuns(runs, knownKinds?.length ?? 0)
  if (knownKinds === null || knownRuns === 'wrong') return null
  return { kinds: knownKinds, runs: knownRuns, count, whole, spans }
}

function parse(bytes: Buffer): unknown {
  try {
    const text = bytes[0] === 0x7b ? bytes : inflateSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES })
    return text.length > MAX_INFLATED_BYTES ? null : JSON.parse(text.toString('utf8'))
  } catch {
    return null
  }
}

function kindsOf(value: unknown): BadKind[] | null {
  if (!Array.isArray(value) || value.length > MAX_KINDS + MAX_CODES) return null
  const kinds: BadKind[] = []
  for (const each of value) {
    if (!Array.isArray(each)) return null
    const [code, reason, schemaId]: unknown[] = each
    if (typeof code !== 'string' || typeof reason !== 'string') return null
    if (schemaId !== null && !isCount(schemaId)) return null
    kinds.push({ code, reason, schemaId })
  }
  return kinds
}

/** More than there are, so that a newer version may add some. */
const MAX_CODES = 64

function allRuns(value: unknown, kinds: number): readonly (readonly number[])[] | 'wrong' {
  if (!Array.isArray(value)) return 'wrong'
  const runs: (readonly number[])[] = []
  for (const own of value) {
    if (!isCounts(own) || own.length % 3 !== 0) return 'wrong'
    if (own.some((n, at) => at % 3 === 2 && n >= kinds)) return 'wrong'
    runs.push(own)
  }
  return runs
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount)
}
