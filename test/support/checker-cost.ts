import { usualEvents } from '../../bench/events/generate.ts'
import { SourceRecord } from '../../consumers/engine/source-record.ts'
import { createChecker } from '../../consumers/records/checker.ts'
import { createCatalogue } from '../../consumers/records/schema-catalogue.ts'
import { systemClock } from '../../runtime/clock.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { frame } from '../../schemas/wire.ts'
import { FakeRegistryReader } from './fakes/fake-registry-reader.ts'

const COUNT = 2_000
const ROUNDS = 40
const events = [...usualEvents({ seed: 1, count: COUNT })]

const recordsOf = (value: (payload: Buffer, n: number) => Buffer) =>
  events.map((payload, n) =>
    SourceRecord.of({ offset: BigInt(n), appendTime: 0, key: null, value: value(payload, n) }),
  )

/** Of the same bytes as the good ones, but for what is wrong with them. */
const kinds = {
  good: recordsOf((payload) => frame(1, payload)),
  'wrong in the first field': recordsOf((payload) => frame(1, damaged(payload, 0, 0xff))),
  'wrong in the middle': recordsOf((payload) => frame(1, damaged(payload, payload.length >> 1, 0xff))),
  'a byte more than the last field': recordsOf((payload) =>
    frame(1, Buffer.concat([payload, Buffer.from([0])])),
  ),
  'of an unknown schema, each of another': recordsOf((payload, n) => frame(1_000 + n, payload)),
}

function damaged(payload: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(payload)
  copy[at] = byte
  return copy
}

/** What a record costs to check, good and bad, in µs: one JSON object. A process of its own: test runners rewrite code. */
const registry = new FakeRegistryReader()
registry.register('s', 1, AUDIT_EVENT_SCHEMA_TEXT)
const newest = { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }
const catalogue = createCatalogue({ registry, clock: systemClock, newest, subjects: ['s'] })
const checker = createChecker({ catalogue, maxRecordBytes: 1_048_576, clock: systemClock })
const best = new Map<string, number>()
// In turns, and the best of each: other work on the machine comes and goes.
for (let round = 0; round < ROUNDS; round++) {
  for (const [kind, records] of Object.entries(kinds)) {
    if (round === 0) await checker.prepare(records)
    const began = performance.now()
    for (const record of records) checker.check(record)
    const us = ((performance.now() - began) / COUNT) * 1_000
    best.set(kind, Math.min(us, best.get(kind) ?? Number.POSITIVE_INFINITY))
  }
}
console.log(JSON.stringify(Object.fromEntries(best)))
