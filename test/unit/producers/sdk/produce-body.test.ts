import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { encodeFaster, withOurBody } from '../../../../producers/sdk/src/kafka/client-internals.ts'
import { crc32c } from '../../../../runtime/kafka-wire/crc32c.ts'

const NOW = 1_790_000_000_123
const load = createRequire(import.meta.url)

interface Made {
  readonly request: { readonly apiVersion: number; encode(): Promise<{ readonly buffer: Buffer }> }
}

/** The client's own Produce requests. */
const requests: { protocol(o: { version: number }): (args: object) => Made } = load(
  'kafkajs/src/protocol/requests/produce',
)

const bytes = (o: { minLength?: number; maxLength: number }) =>
  fc.uint8Array(o).map((array) => Buffer.from(array))
const messages = fc.array(
  fc.record({
    key: bytes({ minLength: 8, maxLength: 8 }),
    value: bytes({ maxLength: 300 }),
    partition: fc.nat(5),
  }),
  { minLength: 1, maxLength: 90 },
)
const partitions = fc.array(
  fc.record({ partition: fc.nat(2 ** 31 - 1), firstSequence: fc.nat(2 ** 31 - 1), messages }),
  { maxLength: 4 },
)
const produce = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(60_000),
  compression: fc.constant(0),
  transactionalId: fc.constant(undefined),
  producerId: fc.oneof(fc.constant(-1), fc.bigInt(0n, 2n ** 63n - 1n).map(String), fc.nat()),
  producerEpoch: fc.nat(2 ** 15 - 1),
  topicData: fc.array(fc.record({ topic: fc.string({ unit: 'grapheme', maxLength: 40 }), partitions }), {
    maxLength: 3,
  }),
})

async function bothEncodings(args: object, version: number): Promise<[Buffer, Buffer]> {
  vi.setSystemTime(NOW)
  const theirs = requests.protocol({ version })(args)
  const ours = withOurBody(theirs, args) as Made
  expect(ours).not.toBe(theirs)
  expect(ours.request.apiVersion).toBe(version)
  return [(await ours.request.encode()).buffer, (await theirs.request.encode()).buffer]
}

describe('the body of a Produce request', () => {
  test.each([3, 5, 7])('is byte for byte what the Kafka client writes, version %i', async (version) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      await fc.assert(
        fc.asyncProperty(produce, async (args) => {
          const [ours, theirs] = await bothEncodings(args, version)
          expect(ours.equals(theirs)).toBe(true)
        }),
        { numRuns: 60 },
      )
      const value = Buffer.alloc(9_000, 'v')
      const many = Array.from({ length: 9_000 }, () => ({
        key: Buffer.alloc(8),
        value: value.subarray(0, 20),
      }))
      const args = {
        acks: -1,
        timeout: 30_000,
        compression: 0,
        producerId: '7',
        producerEpoch: 0,
        topicData: [
          {
            topic: 't',
            partitions: [{ partition: 1, firstSequence: 2, messages: [...many, { key: value, value }] }],
          },
        ],
      }
      const [ours, theirs] = await bothEncodings(args, version)
      expect(ours.equals(theirs)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  const plain = {
    acks: -1,
    timeout: 30_000,
    compression: 0,
    producerId: '7',
    producerEpoch: 0,
    topicData: [
      {
        topic: 't',
        partitions: [
          { partition: 0, firstSequence: 0, messages: [{ key: Buffer.of(1), value: Buffer.of(2) }] },
        ],
      },
    ],
  }
  const withMessage = (message: object) => ({
    ...plain,
    topicData: [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages: [message] }] }],
  })

  test.each([
    ['a compressed batch', 7, { ...plain, compression: 1 }],
    ['a transaction', 7, { ...plain, transactionalId: 'x' }],
    ['a text', 7, withMessage({ key: 'k', value: 'v' })],
    ['headers', 7, withMessage({ key: Buffer.of(1), value: Buffer.of(2), headers: {} })],
    ['a time of its own', 7, withMessage({ key: Buffer.of(1), value: Buffer.of(2), timestamp: '1' })],
    ['an old version', 2, plain],
  ])('is left to the Kafka client where it holds %s', (_name, version, args) => {
    const theirs = requests.protocol({ version })(args)
    expect(withOurBody(theirs, args)).toBe(theirs)
  })

  test('is left to a Kafka client of another shape', () => {
    const client = { producer: () => 'a producer' }
    encodeFaster(client)
    expect(client.producer()).toBe('a producer')
    expect(Object.getOwnPropertySymbols(client)).toEqual([])
  })
})

describe('CRC-32C', () => {
  test('gives the check value of the catalogue', () => {
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283)
  })

  test('is that of the bytes between start and end, whatever their number', () => {
    const slow: (buffer: Buffer) => number = load('kafkajs/src/protocol/recordBatch/crc32C')
    const source = Buffer.from(Array.from({ length: 80 }, (_, i) => (i * 37) & 0xff))
    for (let start = 0; start < 20; start++) {
      for (let end = start; end <= source.length; end += 3)
        expect(crc32c(source, start, end)).toBe(slow(source.subarray(start, end)))
    }
  })
})
