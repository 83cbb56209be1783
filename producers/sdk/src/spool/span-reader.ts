import type { Entry, Span } from './entry.ts'
import type { FileSystem } from './file-system.ts'
import { findRecord, parseRecord, type SpoolRecord } from './record.ts'

export interface Damage {
  readonly span: Span
  readonly from: number
  readonly bytes: Buffer
  /** `torn`: the file ends in the middle of the record. */
  readonly kind: 'torn' | 'corrupt'
}

export interface SpanReaderOptions {
  readonly fs: FileSystem
  /** Keeps what cannot be read; resolves when it is on file. */
  readonly onDamage: (damage: Damage) => Promise<void>
}

/** Reads events back from segment files. */
export class SpanReader {
  readonly #o: SpanReaderOptions

  constructor(options: SpanReaderOptions) {
    this.#o = options
  }

  /**
   * The next events of `span`, whose `from` moves behind them; empty when only damage was found. What cannot be read
   * is kept aside and skipped. @throws what the file system throws; the span is unchanged then.
   */
  async next(span: Span, maxBytes: number): Promise<Entry[]> {
    const length = Math.min(Math.ceil(maxBytes), span.to - span.from)
    const bytes = await this.#o.fs.read(span.segment.path, span.from, length)
    const entries: Entry[] = []
    const scanned = scan(bytes, span, entries)
    const atEnd = span.from + bytes.length >= span.to || bytes.length < length
    if (scanned.kind === 'clean' || (scanned.kind === 'incomplete' && scanned.end > 0 && !atEnd)) {
      span.from += scanned.end
      return entries
    }
    if (scanned.end > 0) {
      // Hand over what is sound; the rest is looked at when it is the beginning of a read.
      span.from += scanned.end
      return entries
    }
    return this.#beginning(span)
  }

  /** The record at `span.from` is large, torn or corrupt: look at all of the rest, which one segment bounds. */
  async #beginning(span: Span): Promise<Entry[]> {
    const bytes = await this.#o.fs.read(span.segment.path, span.from, span.to - span.from)
    const parsed = parseRecord(bytes, 0)
    if (parsed.kind === 'record') {
      const entry = entryOf(parsed.record, span, 0, parsed.end)
      span.from += parsed.end
      return [entry]
    }
    const next = findRecord(bytes, 0)
    const end = next === -1 ? bytes.length : next
    const kind = next === -1 && parsed.kind === 'incomplete' ? 'torn' : 'corrupt'
    await this.#o.onDamage({ span, from: span.from, bytes: bytes.subarray(0, end), kind })
    span.from = next === -1 ? span.to : span.from + end
    return []
  }
}

function scan(
  bytes: Buffer,
  span: Span,
  into: Entry[],
): { kind: 'clean' | 'incomplete' | 'corrupt'; end: number } {
  let at = 0
  while (at < bytes.length) {
    const parsed = parseRecord(bytes, at)
    if (parsed.kind !== 'record') return { kind: parsed.kind, end: at }
    into.push(entryOf(parsed.record, span, at, parsed.end))
    at = parsed.end
  }
  return { kind: at === 0 ? 'incomplete' : 'clean', end: at }
}

function entryOf(record: SpoolRecord, span: Span, at: number, end: number): Entry {
  return {
    kind: 'entry',
    ...record,
    schema: span.segment.schema,
    bytes: end - at,
    segment: span.segment,
    end: span.from + end,
    own: span.own,
    settled: false,
    rejected: null,
  }
}
