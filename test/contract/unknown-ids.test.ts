import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { SourceRecord } from '../../consumers/engine/source-record.ts'
import { createChecker } from '../../consumers/records/checker.ts'
import { createCatalogue } from '../../consumers/records/schema-catalogue.ts'
import { registerSchema } from '../../operations/registry-admin.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createRegistryReader } from '../../runtime/registry.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { frame } from '../../schemas/wire.ts'
import { anEvent, encodeEvent } from '../support/events.ts'
import { removeFromRegistry } from '../support/registry.ts'
import { testStack } from '../support/stack.ts'

const access = { ...testStack().registry, timeoutMs: 10_000 }
const event = encodeEvent(anEvent())
const newest = { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }
const partition = { topic: 't', topicId: 't', partition: 0 }

function checkerOf(subject: string) {
  const registry = createRegistryReader(access)
  const catalogue = createCatalogue({ registry, clock: systemClock, newest, subjects: [subject] })
  return createChecker({ catalogue, maxRecordBytes: 1_048_576, clock: systemClock })
}

const recordsOf = (ids: readonly number[]) =>
  ids.map((id, n) =>
    SourceRecord.of({ offset: BigInt(n), appendTime: 0, key: null, value: frame(id, event) }),
  )

it('60,000 made-up ids in one batch delay the good events among them by less than two seconds', async () => {
  const subject = `test.${randomUUID()}-value`
  const id = await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
  const checker = checkerOf(subject)
  const records = recordsOf(Array.from({ length: 120_000 }, (_, n) => (n % 2 === 0 ? id : 1_000_000 + n)))
  const began = performance.now()
  await checker.prepare(records, { partition, highWatermark: 120_000n })
  const kinds = records.map((record) => checker.check(record).kind)
  const tookMs = performance.now() - began
  expect(kinds.filter((kind) => kind === 'event')).toHaveLength(60_000)
  // 0.3 s alone; the machine is shared.
  expect(tookMs).toBeLessThan(2_000)
})

it('events of a version, and of a subject, that was deleted softly are good still', async () => {
  const subject = `test.${randomUUID()}-value`
  const id = await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
  for (const path of [`/subjects/${subject}/versions/1`, `/subjects/${subject}`]) {
    await removeFromRegistry(path)
    const checker = checkerOf(subject)
    const records = recordsOf([id, 2_000_000])
    await checker.prepare(records, { partition, highWatermark: 2n })
    expect(records.map((record) => checker.check(record).kind)).toEqual(['event', 'bad'])
  }
})
