import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import avro from 'avsc'
import { comparePartition, isEvent, reachable, type Span, type Verdicts } from './compare.ts'
import { type RawPartition, readRawPartition } from './raw-log.ts'
import { archivedThrough, readArchive } from './read-archive.ts'
import { countRows, readHotRows, readLosses, readView } from './read-clickhouse.ts'
import { type Quarantine, readQuarantine } from './read-quarantine.ts'

/** Where to look, in plain values: nothing here knows the product. */
export interface VerifyTarget {
  readonly kafkaLogDir: string
  readonly quarantineTopic: string
  readonly quarantinePartitions: number
  readonly clickhouseUrl: string
  readonly s3: {
    readonly endpoint: string
    readonly region: string
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }
  readonly bucket: string
  readonly schemaText: string
  /** Which stores are looked at; both where it is not said. */
  readonly stores?: readonly ('hot' | 'cold')[]
  /** Ids of events that an `emit` promised to keep. */
  readonly emitted: readonly string[]
}

/** One incarnation of a partition, and all that the broker ever held of it. */
export interface Truth {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly truth: RawPartition
  /** Offsets that were deleted before the workers read them, and accepted as lost. */
  readonly lost: Span | null
}

export interface VerifyResult extends Verdicts {
  readonly records: number
  readonly events: number
}

const WIRE_HEADER_BYTES = 5

/** Reads the broker's own files; call when nobody produces any more. */
export function takeTruths(
  target: Pick<VerifyTarget, 'kafkaLogDir'>,
  partitions: readonly Omit<Truth, 'truth' | 'lost'>[],
): Truth[] {
  return partitions.map((partition) => {
    const directory = join(target.kafkaLogDir, `${partition.topic}-${partition.partition}`)
    return { ...partition, truth: readRawPartition(directory), lost: null }
  })
}

export async function verifyRun(target: VerifyTarget, truths: readonly Truth[]): Promise<VerifyResult> {
  const verdicts: Verdicts = { lost: 0, duplicated: 0, violations: [] }
  const s3 = createClient(target)
  const quarantined = readQuarantine(target)
  for (const truth of truths) await verifyPartition({ target, s3, quarantined, truth, verdicts })
  s3.destroy()
  const events = await compareView(target, truths, verdicts)
  const records = truths.reduce((sum, { truth }) => sum + truth.records.length, 0)
  return { ...verdicts, records, events }
}

interface PartitionCheck {
  readonly target: VerifyTarget
  readonly s3: S3Client
  readonly quarantined: Quarantine
  readonly truth: Truth
  readonly verdicts: Verdicts
}

async function verifyPartition({ target, s3, quarantined, truth: one, verdicts }: PartitionCheck) {
  const { topic, topicId, partition, truth, lost } = one
  const name = `${topic}/${partition}`
  const clickhouse = { url: target.clickhouseUrl }
  const isArchived = target.stores?.includes('cold') ?? true
  const { objects, faults } = isArchived
    ? await readArchive(s3, target.bucket, prefixOf(one))
    : { objects: null, faults: [] }
  verdicts.violations.push(...faults)
  const stores = {
    ...{ name, truth, lost, archive: objects },
    hot: await readHotRows(clickhouse, topicId, partition),
    quarantine: quarantined.get(placeOf(one)) ?? new Map(),
  }
  comparePartition(stores, verdicts, (record) =>
    createHash('sha256')
      .update(record.value?.subarray(WIRE_HEADER_BYTES) ?? '')
      .digest('hex'),
  )
  const losses = await readLosses(clickhouse, topicId, partition)
  const listed = losses.map(({ first, last }) => `${first}–${last}`).join(', ')
  const expected = lost === null ? '' : `${lost.first}–${lost.last}`
  if (listed !== expected)
    verdicts.violations.push(`${name}: the hot store lists as lost "${listed}", not "${expected}"`)
}

const placeOf = ({ topicId, partition }: Truth): string => `${topicId}/${partition}`
const prefixOf = ({ topic, topicId, partition }: Truth): string => `v1/${topic}/${topicId}/p=${partition}/`

/** Whether both stores hold as much as there is to hold: before that it is not worth comparing. */
export async function isSettled(target: VerifyTarget, truths: readonly Truth[]): Promise<boolean> {
  const rows = await countRows(
    { url: target.clickhouseUrl },
    truths.map(({ topicId }) => topicId),
  )
  for (const one of truths) {
    if ((rows.get(placeOf(one)) ?? 0) < reachable(one).filter(isEvent).length) return false
  }
  if (target.stores?.includes('cold') === false) return true
  const s3 = createClient(target)
  try {
    for (const one of truths) {
      const last = reachable(one).at(-1)?.offset
      if (last === undefined) continue
      const through = await archivedThrough(s3, target.bucket, prefixOf(one))
      if (through === null || through < last) return false
    }
    return true
  } finally {
    s3.destroy()
  }
}

async function compareView(
  target: VerifyTarget,
  truths: readonly Truth[],
  verdicts: Verdicts,
): Promise<number> {
  const type = upToEventId(target.schemaText)
  const ids = new Set<string>()
  const everSent = new Set<string>()
  for (const one of truths) {
    for (const record of reachable(one).filter(isEvent)) ids.add(eventId(type, record.value))
    for (const record of one.truth.records.filter(isEvent)) everSent.add(eventId(type, record.value))
  }
  for (const id of target.emitted) {
    if (everSent.has(id)) continue
    verdicts.lost++
    verdicts.violations.push(`event ${id} was spooled and never reached Kafka`)
  }
  const view = await readView({ url: target.clickhouseUrl }, [
    ...new Set(truths.map(({ topicId }) => topicId)),
  ])
  if (view.rows !== ids.size || view.events !== ids.size) {
    verdicts.violations.push(
      `the view shows ${view.rows} rows of ${view.events} events; Kafka holds ${ids.size} events`,
    )
  }
  verdicts.violations.push(...view.twice.map((id) => `event ${id} shows twice`))
  return ids.size
}

/** Nothing behind the id is decoded: a decoder's own limits (maps, large numbers) are no matter of the event. */
export function upToEventId(schemaText: string): avro.Type {
  const schema: { fields: { name: string }[] } = JSON.parse(schemaText)
  const fields = schema.fields.slice(0, schema.fields.findIndex(({ name }) => name === 'event_id') + 1)
  return avro.Type.forSchema({ ...schema, type: 'record', fields } as avro.Schema)
}

export function eventId(type: avro.Type, value: Buffer | null): string {
  const { value: event }: { value: { event_id: string } } = type.decode(
    value ?? Buffer.alloc(0),
    WIRE_HEADER_BYTES,
  )
  return event.event_id
}

function createClient({ s3 }: VerifyTarget): S3Client {
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
}
