import { hash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { BadBatch, BadRecord } from '../../../../../consumers/engine/contracts.ts'
import { decodeBadList, encodeBadList } from '../../../../../consumers/kafka/quarantine/bad-list.ts'

type Kind = Pick<BadRecord, 'code' | 'reason' | 'schemaId'>

function batch(first: bigint, kinds: readonly (Kind | null)[], isWhole = false): BadBatch {
  const bad = kinds.flatMap((kind, i) => (kind === null ? [] : [{ offset: first + BigInt(i), ...kind }]))
  return {
    first,
    last: first + BigInt(kinds.length - 1),
    appendTime: 1,
    bytes: Buffer.alloc(61),
    bad,
    isWhole,
  }
}

/** Offsets of each batch with the kind at each, as the list says. */
function expanded(bytes: Buffer): (readonly [number, Kind])[][] {
  const list = decodeBadList(bytes)
  return (list?.runs ?? []).map((numbers) => {
    const found: [number, Kind][] = []
    let next = 0
    for (let i = 0; i < numbers.length; i += 3) {
      next += numbers[i] ?? 0
      const { code = '', reason = '', schemaId = null } = list?.kinds[numbers[i + 2] ?? 0] ?? {}
      for (let left = numbers[i + 1] ?? 0; left > 0; left--)
        found.push([next++, { code: code as Kind['code'], reason, schemaId }])
    }
    return found
  })
}

const roomy = { maxBytes: 1e9, withSpans: true }
const anyKind = fc.record<Kind>({
  code: fc.constantFrom('MALFORMED', 'INVALID_FIELD', 'UNKNOWN_SCHEMA'),
  reason: fc.string({ maxLength: 20 }),
  schemaId: fc.option(fc.nat()),
})

it('says of any batches which records are bad and why', () => {
  const kinds = fc.array(fc.option(fc.constantFrom(...fc.sample(anyKind, 4)), { freq: 2 }), {
    minLength: 1,
    maxLength: 50,
  })
  fc.assert(
    fc.property(fc.array(kinds, { minLength: 1, maxLength: 5 }), (all) => {
      const batches = all.map((own, i) => batch(BigInt(i) * 100n, own))
      const bytes = encodeBadList(batches, roomy)
      const expected = all.map((own) => own.flatMap((kind, i) => (kind === null ? [] : [[i, kind]])))
      expect(expanded(bytes)).toEqual(expected)
      const list = decodeBadList(bytes)
      expect(list?.count).toBe(expected.flat().length)
      const spans = batches.flatMap(({ first, last }, i) => [
        Number(first - (batches[i - 1]?.last ?? -1n)) - 1,
        Number(last - first) + 1,
      ])
      expect(list?.spans).toEqual(spans)
    }),
  )
})

it('leaves out reasons, then offsets, and never the count, where it would be too long', () => {
  const kinds = Array.from({ length: 5_000 }, (_, i) => ({
    code: i % 2 === 0 ? ('MALFORMED' as const) : ('WRONG_SCHEMA' as const),
    reason: `fault ${(i * 7_919) % 1_000}`,
    schemaId: i,
  }))
  const random = kinds.map((kind, i) => (hash('md5', `${i}`) < '8' ? kind : null))
  const batches = [batch(0n, random)]
  const count = random.filter((kind) => kind !== null).length
  for (const maxBytes of [1e9, 6_000, 300, 64]) {
    const bytes = encodeBadList(batches, { ...roomy, maxBytes })
    expect(bytes.length).toBeLessThanOrEqual(maxBytes)
    expect(decodeBadList(bytes)?.count).toBe(count)
  }
  const bare = decodeBadList(encodeBadList(batches, { ...roomy, maxBytes: 6_000 }))
  expect(bare?.kinds.map(({ code, reason }) => [code, reason])).toEqual([
    ['MALFORMED', ''],
    ['WRONG_SCHEMA', ''],
  ])
  expect(decodeBadList(encodeBadList(batches, { ...roomy, maxBytes: 300 }))?.runs).toBeNull()
})

it('quarantines every offset of a batch that could not be taken apart', () => {
  const fault = { code: 'OVERSIZED', reason: 'r', schemaId: null } as const
  const bytes = encodeBadList([batch(5n, [fault, null, null], true)], roomy)
  expect(decodeBadList(bytes)).toMatchObject({ count: 3, whole: [0], runs: [[0, 3, 0]] })
})

it('reads any bytes as a list or as none, and throws for nothing', () => {
  const jsonText = fc.json().map((text) => Buffer.from(text))
  const fields = {
    kinds: fc.oneof(fc.constant([]), fc.anything()),
    bad: fc.anything(),
    spans: fc.anything(),
    whole: fc.anything(),
  }
  const lists = fc
    .record({ count: fc.oneof(fc.nat(), fc.anything()), ...fields }, { requiredKeys: [] })
    .map((list) =>
      Buffer.from(JSON.stringify(list, (_, value) => (typeof value === 'bigint' ? 1 : value)) ?? ''),
    )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array().map(Buffer.from), jsonText, lists), (bytes) => {
      const list = decodeBadList(Buffer.from(bytes))
      for (const own of list?.runs ?? []) expect(own.length % 3).toBe(0)
    }),
    { numRuns: 1_000 },
  )
})
