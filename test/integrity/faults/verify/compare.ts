import type { RawPartition, RawRecord } from './raw-log.ts'

/**
 * Compares what the stores hold with the broker's own files. Imports nothing of the product: what counts as an
 * event, a tombstone or poison follows from how the run made it (poison carries a key that says so).
 */

export const POISON_KEY_PREFIX = 'poison:'

/** The reason of a gap whose loss an operator accepted. */
const LOST = 'lost_accepted'

export interface HotRow {
  readonly offset: bigint
  readonly eventId: string
  /** Lower-case hex SHA-256. */
  readonly contentHash: string
}

export interface ArchivedRecord {
  readonly offset: bigint
  readonly appendTime: number
  readonly kind: 'event' | 'tombstone' | 'quarantined'
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export interface ArchivedObject {
  readonly name: string
  readonly first: bigint
  readonly last: bigint
  readonly records: readonly ArchivedRecord[]
  /** Offsets that the header lists as gaps. */
  readonly gaps: readonly { readonly first: bigint; readonly last: bigint; readonly reason: string }[]
}

/** Both included. */
export interface Span {
  readonly first: bigint
  readonly last: bigint
}

export interface PartitionStores {
  readonly name: string
  readonly truth: RawPartition
  /** Offsets that Kafka had and lost before the workers read them, which an operator accepted. */
  readonly lost: Span | null
  readonly hot: readonly HotRow[]
  /** By offset: bytes as quarantined, each distinct entry once. */
  readonly quarantine: ReadonlyMap<bigint, readonly (Buffer | null)[]>
  /** Null where only the hot store is looked at. */
  readonly archive: readonly ArchivedObject[] | null
}

export interface Verdicts {
  lost: number
  duplicated: number
  /** Sentences for a person, each with partition and offset. */
  readonly violations: string[]
}

export function comparePartition(
  stores: PartitionStores,
  verdicts: Verdicts,
  hashOf: (record: RawRecord) => string,
): void {
  compareHot(stores, verdicts, hashOf)
  compareQuarantine(stores, verdicts)
  if (stores.archive !== null) compareArchive(stores, stores.archive, verdicts)
}

/** What the workers could read. */
export const reachable = ({ truth, lost }: Pick<PartitionStores, 'truth' | 'lost'>): readonly RawRecord[] =>
  truth.records.filter(({ offset }) => !isIn(lost, offset))

const isIn = (span: Span | null, offset: bigint): boolean =>
  span !== null && offset >= span.first && offset <= span.last

export const isPoison = (record: RawRecord): boolean =>
  record.key?.subarray(0, POISON_KEY_PREFIX.length).toString('latin1') === POISON_KEY_PREFIX

export const isEvent = (record: RawRecord): boolean => record.value !== null && !isPoison(record)

function compareHot(
  stores: PartitionStores,
  verdicts: Verdicts,
  hashOf: (record: RawRecord) => string,
): void {
  const held = new Map<bigint, HotRow>()
  for (const row of stores.hot) {
    if (held.has(row.offset)) {
      verdicts.duplicated++
      verdicts.violations.push(`${stores.name}@${row.offset}: twice in the hot table`)
    }
    held.set(row.offset, row)
  }
  for (const record of reachable(stores).filter(isEvent)) {
    const row = held.get(record.offset)
    held.delete(record.offset)
    if (row === undefined) {
      verdicts.lost++
      verdicts.violations.push(`${stores.name}@${record.offset}: not in the hot table`)
    } else if (row.contentHash !== hashOf(record)) {
      verdicts.violations.push(`${stores.name}@${record.offset}: other content in the hot table`)
    }
  }
  for (const offset of held.keys())
    verdicts.violations.push(`${stores.name}@${offset}: in the hot table, not in Kafka`)
}

function compareQuarantine(stores: PartitionStores, verdicts: Verdicts): void {
  const seen = new Set(stores.quarantine.keys())
  for (const record of reachable(stores).filter(isPoison)) {
    const copies = stores.quarantine.get(record.offset)
    seen.delete(record.offset)
    if (copies === undefined) {
      verdicts.lost++
      verdicts.violations.push(`${stores.name}@${record.offset}: poison that is not in quarantine`)
    } else if (!copies.every((copy) => sameBytes(copy, record.value))) {
      verdicts.violations.push(`${stores.name}@${record.offset}: quarantined with other bytes`)
    }
  }
  for (const offset of seen) verdicts.violations.push(`${stores.name}@${offset}: quarantined, but no poison`)
}

function compareArchive(
  stores: PartitionStores,
  archive: readonly ArchivedObject[],
  verdicts: Verdicts,
): void {
  const objects = [...archive].sort((a, b) => (a.first < b.first ? -1 : 1))
  const records = new Map<bigint, ArchivedRecord>()
  const gaps = new Map<bigint, string>()
  let next = 0n
  for (const object of objects) {
    if (object.first !== next)
      verdicts.violations.push(`${object.name}: starts at ${object.first}, expected ${next}`)
    next = object.last + 1n
    for (const record of object.records) {
      if (records.has(record.offset)) {
        verdicts.duplicated++
        verdicts.violations.push(`${stores.name}@${record.offset}: twice in the archive`)
      }
      records.set(record.offset, record)
    }
    for (const gap of object.gaps) for (let at = gap.first; at <= gap.last; at++) gaps.set(at, gap.reason)
  }
  for (const record of reachable(stores)) compareArchived(stores.name, record, records, verdicts)
  const last = reachable(stores).at(-1)?.offset
  if (last !== undefined && next !== last + 1n) {
    verdicts.violations.push(`${stores.name}: archived through ${next - 1n}, the last record is ${last}`)
  }
  accountForEveryOffset(stores, next, gaps, verdicts)
}

function compareArchived(
  name: string,
  record: RawRecord,
  records: ReadonlyMap<bigint, ArchivedRecord>,
  verdicts: Verdicts,
): void {
  const archived = records.get(record.offset)
  if (archived === undefined) {
    verdicts.lost++
    verdicts.violations.push(`${name}@${record.offset}: not in the archive`)
    return
  }
  const kind = record.value === null ? 'tombstone' : isPoison(record) ? 'quarantined' : 'event'
  if (archived.kind !== kind)
    verdicts.violations.push(`${name}@${record.offset}: archived as ${archived.kind}, is ${kind}`)
  if (!sameBytes(archived.key, record.key))
    verdicts.violations.push(`${name}@${record.offset}: archived key differs`)
  if (!sameBytes(archived.value, record.value))
    verdicts.violations.push(`${name}@${record.offset}: archived value differs`)
  if (archived.appendTime !== record.timestamp)
    verdicts.violations.push(`${name}@${record.offset}: archived time differs`)
}

/** Offsets = delivered + quarantined + gaps, up to where the archive ends. */
function accountForEveryOffset(
  stores: PartitionStores,
  next: bigint,
  gaps: ReadonlyMap<bigint, string>,
  verdicts: Verdicts,
): void {
  const records = new Set(reachable(stores).map((record) => record.offset))
  const unheld = new Set([...stores.truth.control, ...stores.truth.aborted])
  for (let offset = 0n; offset < next; offset++) {
    if (records.has(offset) === gaps.has(offset)) {
      verdicts.violations.push(
        `${stores.name}@${offset}: ${gaps.has(offset) ? 'a record listed as a gap' : 'unaccounted for'}`,
      )
    }
    const isLost = isIn(stores.lost, offset)
    if (gaps.has(offset) && !isLost && !unheld.has(offset)) {
      verdicts.violations.push(`${stores.name}@${offset}: a gap that Kafka does not have`)
    }
    if (isLost !== (gaps.get(offset) === LOST)) {
      verdicts.violations.push(
        `${stores.name}@${offset}: ${isLost ? `lost, listed as ${gaps.get(offset)}` : 'listed as lost'}`,
      )
    }
  }
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  if (a === null || b === null) return a === b
  return a.equals(b)
}
