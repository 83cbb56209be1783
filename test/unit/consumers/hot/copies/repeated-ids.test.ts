import { expect, it } from 'vitest'
import { repeatsIds } from '../../../../../consumers/hot/copies/repeated-ids.ts'
import { createEventRows } from '../../../../../consumers/hot/insert/event-rows.ts'
import { eventRecord, eventSchema, RECEIVED_AT, rangeOf, uuidAt } from '../../../../support/hot/events.ts'

const ref = { topic: 't', topicId: '0b2e8a1c-1111-4222-8333-444455556666', partition: 0 }
const table = eventSchema()
const rows = createEventRows({ table, schemaOf: () => table })

/** A range of `count` events that have `ids` ids between them. */
const range = (count: number, ids: number) =>
  rangeOf(
    ref,
    Array.from({ length: count }, (_, at) =>
      eventRecord(BigInt(at), RECEIVED_AT, { id: uuidAt(RECEIVED_AT, at % ids) }),
    ),
  )

it('tells a range of a few events again and again from others', () => {
  expect(repeatsIds(range(20_000, 200), rows)).toBe(true)
  expect(repeatsIds(range(20_000, 1), rows)).toBe(true)
  expect(repeatsIds(range(300, 200), rows)).toBe(true)
  expect(repeatsIds(range(20_000, 20_000), rows)).toBe(false)
})

it('lets an event pass that is sent again now and then, and small ranges', () => {
  expect(repeatsIds(range(20_000, 19_000), rows)).toBe(false)
  expect(repeatsIds(range(255, 1), rows)).toBe(false)
})
