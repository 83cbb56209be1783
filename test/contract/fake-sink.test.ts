import { randomUUID } from 'node:crypto'
import type { CheckedRecord, PartitionRef } from '../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../consumers/engine/source-record.ts'
import { badValue, FakeChecker, goodValue } from '../support/fakes/fake-checker.ts'
import { FakeSink } from '../support/fakes/fake-sink.ts'
import { type Exclusion, FakeStore } from '../support/fakes/fake-store.ts'
import { type SinkHarness, sinkContract } from './sink-suite.ts'

const checker = new FakeChecker()

function record(kind: 'event' | 'tombstone' | 'bad', offset: bigint): CheckedRecord {
  const value = kind === 'tombstone' ? null : (kind === 'bad' ? badValue : goodValue)(1, `${offset}`)
  const appendTime = 1_700_000_000_000 + Number(offset)
  const source = SourceRecord.of({ offset, appendTime, key: null, value })
  return { record: source, verdict: checker.check(source) }
}

async function harness(exclusion: Exclusion & SinkHarness['exclusion']): Promise<SinkHarness> {
  const store = new FakeStore(exclusion)
  return {
    exclusion,
    keepsQuarantined: true,
    record,
    sink: async (_, failpoints) => new FakeSink({ store, failpoints }),
    freshTopic: async (partitions) => {
      const topicId = randomUUID()
      return Array.from({ length: partitions }, (_, partition) => ({
        topic: `t-${topicId}`,
        topicId,
        partition,
      }))
    },
    readBack: async (partition: PartitionRef) =>
      store
        .ranges(partition)
        .flatMap((range) => range.records)
        .map(({ record: { offset }, verdict }) => ({
          offset,
          kind: verdict.kind === 'bad' ? ('quarantined' as const) : verdict.kind,
        })),
    cleanup: async () => undefined,
  }
}

sinkContract('the fake sink with a fence', () => harness('fence'))
sinkContract('the fake sink with create-only objects', () => harness('create_only'))
