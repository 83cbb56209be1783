import { randomUUID } from 'node:crypto'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type { CheckedRecord, PartitionRef } from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { createS3Store } from '../../../runtime/object-store/s3.ts'
import { partitionPrefix } from '../../../schemas/archive/key.ts'
import { readObject } from '../../../schemas/archive/object.ts'
import { testBucket } from '../../support/cold/bucket.ts'
import { checked, eventRecords, FIRST_MINUTE } from '../../support/cold/ranges.ts'
import { coldContext, coldOptions } from '../../support/cold/sink.ts'
import { type SinkHarness, type StoredOffset, sinkContract } from '../sink-suite.ts'

const [sample] = eventRecords({ first: 0n, count: 1 })

function record(kind: 'event' | 'tombstone' | 'bad', offset: bigint): CheckedRecord {
  const values = { event: sample?.value ?? null, tombstone: null, bad: Buffer.from(`bad ${offset}`) }
  const appendTime = FIRST_MINUTE + Number(offset)
  const source = { offset, appendTime, key: Buffer.from(`key ${offset}`), value: values[kind] }
  return checked(SourceRecord.of(source))
}

async function harness(): Promise<SinkHarness> {
  const bucket = await testBucket('sink-contract')
  const context = coldContext(bucket.store)

  async function readBack(partition: PartitionRef): Promise<StoredOffset[]> {
    const stored: StoredOffset[] = []
    for await (const entry of bucket.store.list({ prefix: partitionPrefix(partition) })) {
      if (!('key' in entry) || !entry.key.endsWith('.avro')) continue
      for (const { versionId } of entry.versions) {
        const object = readObject(await bucket.store.read({ key: entry.key, versionId }))
        for (const { offset, kind } of object.records()) stored.push({ offset, kind })
      }
    }
    return stored
  }

  return {
    exclusion: 'create_only',
    keepsQuarantined: true,
    record,
    readBack,
    sink: async (_, failpoints) =>
      createColdSink(coldOptions(context, { failpoints, store: createS3Store(bucket.options) })),
    freshTopic: async (count) => {
      const topicId = randomUUID()
      const partitions = Array.from({ length: count }, (_, partition) => ({
        topic: `t-${topicId}`,
        topicId,
        partition,
      }))
      for (const partition of partitions) await initArchive(context, { partition, reason: 'test' })
      return partitions
    },
    cleanup: async () => bucket.store.close(),
  }
}

sinkContract('the archive', harness)
