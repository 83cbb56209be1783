import { expect, it } from 'vitest'
import { DOCUMENTS, PRODUCT_SOURCES } from './texts.ts'

/** A call of one of Kafka's programs, as remedies give it; a name alone is none. */
const CALL = /kafka-(?:configs|topics|consumer-groups|reassign-partitions)(?:\.sh)? (--[^\n`']*)/g

it('a command of Kafka that a text tells to run says where: without a broker it ends with an error', () => {
  const calls = [...DOCUMENTS, ...PRODUCT_SOURCES].flatMap(({ file, text }) =>
    [...text.matchAll(CALL)].map(([call, tail]) => ({ place: `${file}: ${call}`, tail })),
  )
  expect(calls.length).toBeGreaterThan(2)
  const without = calls.filter(({ tail }) => tail?.includes('--bootstrap-server') !== true)
  expect(without.map(({ place }) => place)).toEqual([])
})
