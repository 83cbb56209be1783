import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import avro from 'avsc'
import { comparePartition, isEvent, type Verdicts } from './compare.ts'
import { type RawPartition, readRawPartition } from './raw-log.ts'
import { readArchive } from './read-archive.ts'
import { readHotRows, readView } from './read-clickhouse.ts'

/** Where to look, in plain values: nothing here knows the product. */
export interface VerifyTarget {
  readonly kafkaLogDir: string
  readonly partitions: readonly {
    readonly topic: string
    readonly topicId: string
    readonly partition: number
  }[]
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
  /** Ids of events that an `emit` promised to keep. */
  readonly emitted: readonly string[]
}

export interface VerifyResult extends Verdicts {
  readonly records: number
  readonly events: number
}

const WIRE_HEADER_BYTES = 5

export async function verifyRun(target: VerifyTarget): Promise<VerifyResult> {
  const verdicts: Verdicts = { lost: 0, duplicated: 0, violations: [] }
  const s3 = createClient(target)
  const quarantined = readQuarantine(target)
  const truths = readTruths(target)
  let records = 0
  for (const { topic, topicId, partition, truth } of truths) {
    records += truth.records.length
    const { objects, faults } = await readArchive(s3, target.bucket, `v1/${topic}/${topicId}/p=${partition}/`)
    verdicts.violations.push(...faults)
    comparePartition(
      {
        name: `${topic}/${partition}`,
        truth,
        logEnd: (truth.records.at(-1)?.offset ?? -1n) + 1n,
        hot: await readHotRows({ url: target.clickhouseUrl }, topicId, partition),
        quarantine: quarantined.get(`${topic}:${partition}`) ?? new Map(),
        archive: objects,
      },
      verdicts,
      (record) =>
        createHash('sha256')
          .update(record.value?.subarray(WIRE_HEADER_BYTES) ?? '')
          .digest('hex'),
    )
  }
  s3.destroy()
  const events = await compareView(target, truths, verdicts)
  return { ...verdicts, records, events }
}

/** What has to be there before it is worth comparing. */
export async function isSettled(target: VerifyTarget): Promise<boolean> {
  const s3 = createClient(target)
  try {
    for (const { topic, topicId, partition, truth } of readTruths(target)) {
      const last = truth.records.at(-1)?.offset
      if (last === undefined) continue
      const rows = await readHotRows({ url: target.clickhouseUrl }, topicId, partition)
      if (rows.length < truth.records.filter(isEvent).length) return false
      const { objects } = await readArchive(s3, target.bucket, `v1/${topic}/${topicId}/p=${partition}/`)
      if ((objects.at(-1)?.last ?? -1n) < last) return false
    }
    return true
  } finally {
    s3.destroy()
  }
}

function readTruths(target: VerifyTarget) {
  return target.partitions.map((partition) => {
    const directory = join(target.kafkaLogDir, `${partition.topic}-${partition.partition}`)
    return { ...partition, truth: readRawPartition(directory) satisfies RawPartition }
  })
}

/** By `topic:partition`, then by offset, the bytes of each entry. */
function readQuarantine(target: VerifyTarget): Map<string, Map<bigint, (Buffer | null)[]>> {
  const entries = new Map<string, Map<bigint, (Buffer | null)[]>>()
  for (let partition = 0; partition < target.quarantinePartitions; partition++) {
    const { records } = readRawPartition(join(target.kafkaLogDir, `${target.quarantineTopic}-${partition}`))
    for (const { key, value } of records) {
      const name = key?.toString('utf8') ?? ''
      const place = name.slice(0, name.lastIndexOf(':'))
      const offset = BigInt(name.slice(name.lastIndexOf(':') + 1))
      const ofPartition = entries.get(place) ?? new Map<bigint, (Buffer | null)[]>()
      ofPartition.set(offset, [...(ofPartition.get(offset) ?? []), value])
      entries.set(place, ofPartition)
    }
  }
  return entries
}

async function compareView(
  target: VerifyTarget,
  truths: readonly { readonly topicId: string; readonly truth: RawPartition }[],
  verdicts: Verdicts,
): Promise<number> {
  const type = avro.Type.forSchema(JSON.parse(target.schemaText))
  const ids = new Set<string>()
  for (const { truth } of truths) {
    for (const record of truth.records.filter(isEvent)) {
      const event: { event_id: string } = type.fromBuffer(
        record.value?.subarray(WIRE_HEADER_BYTES) ?? Buffer.alloc(0),
      )
      ids.add(event.event_id)
    }
  }
  for (const id of target.emitted) {
    if (ids.has(id)) continue
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

function createClient({ s3 }: VerifyTarget): S3Client {
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
}
