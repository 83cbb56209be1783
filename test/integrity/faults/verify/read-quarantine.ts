import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { type RawRecord, readRawBatches, readRawPartition } from './raw-log.ts'

/** By `<topic id>/<partition>`, then by offset, the bytes of each entry. */
export type Quarantine = ReadonlyMap<string, ReadonlyMap<bigint, readonly (Buffer | null)[]>>

export interface QuarantineTarget {
  readonly kafkaLogDir: string
  readonly quarantineTopic: string
  readonly quarantinePartitions: number
}

/** Reads what the broker's files hold of the quarantine topic, as docs/formats/quarantine.md describes it. */
export function readQuarantine(target: QuarantineTarget): Quarantine {
  const entries = new Map<string, Map<bigint, (Buffer | null)[]>>()
  for (let partition = 0; partition < target.quarantinePartitions; partition++) {
    const { records } = readRawPartition(join(target.kafkaLogDir, `${target.quarantineTopic}-${partition}`))
    for (const record of records) {
      for (const { place, offset, value } of entriesOf(record)) {
        const ofPartition = entries.get(place) ?? new Map<bigint, (Buffer | null)[]>()
        ofPartition.set(offset, [...(ofPartition.get(offset) ?? []), value])
        entries.set(place, ofPartition)
      }
    }
  }
  return entries
}

interface Entry {
  readonly place: string
  readonly offset: bigint
  readonly value: Buffer | null
}

function entriesOf({ key, value, headers }: RawRecord): Entry[] {
  const topicId = headers.get('daybook-topic-id')
  const single = headers.get('daybook-offset')
  if (single !== undefined) {
    const place = `${topicId}/${headers.get('daybook-partition')}`
    return [{ place, offset: BigInt(single), value }]
  }
  const place = `${topicId}/${key?.toString().split(':')[1]}`
  const batches = readRawBatches(value ?? Buffer.alloc(0))
  const lists = listsOf(Buffer.from(headers.get('daybook-bad') ?? '', 'latin1'))
  return batches.flatMap((records, number) => {
    const first = records[0]?.offset ?? 0n
    const offsets = badOffsets(first, lists[number] ?? [])
    return records.filter(({ offset }) => offsets.has(offset)).map((record) => ({ ...record, place }))
  })
}

function listsOf(header: Buffer): number[][] {
  const text = header[0] === 0x7b ? header : inflateSync(header)
  const { bad = [] }: { bad?: number[][] } = JSON.parse(text.toString('utf8'))
  return bad
}

function badOffsets(first: bigint, runs: readonly number[]): Set<bigint> {
  const offsets = new Set<bigint>()
  let next = first
  for (let i = 0; i < runs.length; i += 3) {
    next += BigInt(runs[i] ?? 0)
    for (let left = runs[i + 1] ?? 0; left > 0; left--) offsets.add(next++)
  }
  return offsets
}
