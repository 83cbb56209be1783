import {
  type ArchiveGap,
  type ArchiveGapReason,
  type ArchiveHeader,
  FORMAT_VERSION,
  GAP_REASONS,
  type TimeSpan,
} from './header.ts'
import { malformedObject } from './malformed.ts'

/** @throws DaybookError DAYBOOK_ARCHIVE_MALFORMED, which names the entry. */
export function readHeaderEntries(meta: ReadonlyMap<string, Buffer>): ArchiveHeader {
  const fields = new Fields(meta)
  const format = fields.text('daybook.format')
  if (format !== FORMAT_VERSION) throw malformedObject(`daybook.format is not ${FORMAT_VERSION}`)
  return {
    readerVersion: meta.has('daybook.reader') ? fields.count('daybook.reader') : 0,
    logId: fields.text('daybook.log'),
    key: fields.text('daybook.key'),
    topic: fields.text('daybook.topic'),
    topicId: fields.text('daybook.topic_id'),
    partition: fields.count('daybook.partition'),
    first: fields.bigint('daybook.first'),
    last: fields.bigint('daybook.last'),
    counts: {
      event: fields.count('daybook.events'),
      tombstone: fields.count('daybook.tombstones'),
      quarantined: fields.count('daybook.quarantined'),
    },
    gaps: fields.gaps('daybook.gaps'),
    appendTime: fields.span('daybook.append_time') ?? fields.fail('daybook.append_time'),
    occurredAt: fields.span('daybook.occurred_at'),
    tenants: fields.strings('daybook.tenants'),
    schema: meta.has('daybook.schema_id')
      ? { id: fields.count('daybook.schema_id'), text: fields.text('daybook.schema') }
      : null,
    treeSize: fields.bigint('daybook.tree_size'),
    frontier: fields.hashes('daybook.frontier'),
    ownRange: fields.hashes('daybook.own_range'),
    root: fields.hash('daybook.root', fields.text('daybook.root')),
    dataBytes: fields.count('daybook.data_bytes'),
    dataSha256: fields.hash('daybook.data_sha256', fields.text('daybook.data_sha256')),
  }
}

class Fields {
  readonly #meta: ReadonlyMap<string, Buffer>

  constructor(meta: ReadonlyMap<string, Buffer>) {
    this.#meta = meta
  }

  fail(name: string): never {
    throw malformedObject(`header entry ${name} is missing or not of its form`)
  }

  text(name: string): string {
    return this.#meta.get(name)?.toString('utf8') ?? this.fail(name)
  }

  bigint(name: string): bigint {
    const text = this.text(name)
    return /^(0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : this.fail(name)
  }

  count(name: string): number {
    const value = Number(this.bigint(name))
    return Number.isSafeInteger(value) ? value : this.fail(name)
  }

  hash(name: string, base64: unknown): Uint8Array {
    if (typeof base64 !== 'string') return this.fail(name)
    const hash = Buffer.from(base64, 'base64')
    return hash.length === 32 && hash.toString('base64') === base64 ? hash : this.fail(name)
  }

  hashes(name: string): Uint8Array[] {
    return (this.#array(name) ?? this.fail(name)).map((hash) => this.hash(name, hash))
  }

  strings(name: string): string[] | null {
    return this.#array(name)?.map((item) => (typeof item === 'string' ? item : this.fail(name))) ?? null
  }

  span(name: string): TimeSpan | null {
    const array = this.#array(name)
    if (array === null) return null
    const [min, max] = array
    return typeof min === 'number' && typeof max === 'number' ? { min, max } : this.fail(name)
  }

  gaps(name: string): ArchiveGap[] {
    return (this.#array(name) ?? this.fail(name)).map((item) => {
      const [first, last, reason]: unknown[] = Array.isArray(item) ? item : []
      if (typeof first !== 'string' || typeof last !== 'string' || !isReason(reason)) return this.fail(name)
      if (!/^\d+$/.test(first) || !/^\d+$/.test(last)) return this.fail(name)
      return { first: BigInt(first), last: BigInt(last), reason }
    })
  }

  #array(name: string): unknown[] | null {
    let value: unknown
    try {
      value = JSON.parse(this.text(name))
    } catch {
      return this.fail(name)
    }
    return value === null || Array.isArray(value) ? value : this.fail(name)
  }
}

function isReason(value: unknown): value is ArchiveGapReason {
  return GAP_REASONS.some((reason) => reason === value)
}
