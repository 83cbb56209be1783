import type { PartitionRef } from '../../engine/contracts.ts'
import type { RecordHeaders } from '../protocol/record-reader.ts'

/** Of a header as text; ours are shorter. */
const MAX_TEXT_BYTES = 4_096
const MAX_SHOWN_CHARS = 1_000
/** Milliseconds that a `Date` can hold. */
const LAST_TIME = 8.64e15
const LAST_PARTITION = 2 ** 31 - 1

export const LAST_OFFSET = 2n ** 63n - 1n

/** Headers of a record that anybody may have written: each is looked at before it is used. */
export class HeaderReader {
  readonly #headers: ReadonlyMap<string, Buffer | null>

  constructor(headers: RecordHeaders) {
    this.#headers = new Map(headers)
  }

  static isCode(text: string): boolean {
    return /^[A-Z][A-Z0-9_]{0,63}$/.test(text)
  }

  has(name: string): boolean {
    return this.#headers.has(name)
  }

  bytes(name: string): Buffer | null {
    return this.#headers.get(name) ?? null
  }

  text(name: string): string | null {
    const bytes = this.bytes(name)
    return bytes === null || bytes.length > MAX_TEXT_BYTES ? null : bytes.toString('utf8')
  }

  /** Decimal digits, at most so many. */
  digits(name: string, max: number): string | null {
    const text = this.text(name)
    return text !== null && text.length <= max && /^\d+$/.test(text) ? text : null
  }

  code(name: string): string | null {
    const text = this.text(name)
    return text !== null && HeaderReader.isCode(text) ? text : null
  }

  json(name: string): object | null {
    const text = this.text(name)
    if (text === null) return null
    try {
      const parsed: unknown = JSON.parse(text)
      return typeof parsed === 'object' ? parsed : null
    } catch {
      return null
    }
  }
}

/** A place that Kafka could have: its rules for topic names, ids as it writes them. */
export function isPlace({ topic, topicId, partition }: PartitionRef): boolean {
  return (
    /^[A-Za-z0-9._-]{1,249}$/.test(topic) &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(topicId) &&
    partition >= 0 &&
    partition <= LAST_PARTITION
  )
}

export function timeOrNull(ms: number): number | null {
  return Number.isInteger(ms) && ms >= 0 && ms <= LAST_TIME ? ms : null
}

/** What a terminal can be given: nothing that moves its cursor or turns its writing around. */
export function printable(text: string): string {
  return text.slice(0, MAX_SHOWN_CHARS).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
}
