import { randomUUID } from 'node:crypto'
import { rawBatch, rawRecord, varint } from '../../../support/raw-produce.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { allShow, batchOf, bothPass, events, goesOn, isSetAside, mustBe, zstd } from '../seen.ts'

/** `DAYBOOK_MAX_RECORD_BYTES` of the arena's workers. */
const MAX_RECORD_BYTES = 1_048_576
const MARK = 'hostile.mark'

const text = (value: string | Buffer): Buffer =>
  Buffer.concat([varint(BigInt(Buffer.byteLength(value))), Buffer.from(value)])

/** A valid event but for its last two fields, `flags` and `metadata`, whose bytes are given (default: empty). */
function withTail({ validEvent }: Attack, flags: Buffer, metadata = Buffer.of(0), id = randomUUID()): Buffer {
  return Buffer.concat([validEvent({ event_id: id }).subarray(0, -2), flags, metadata])
}

/** A valid event with one byte changed, so far away from the length of its `action`. */
function withByte({ validEvent }: Attack, fromLength: number, byte: number): Buffer {
  const value = Buffer.from(validEvent({ action: MARK }))
  value.writeUInt8(byte, value.indexOf(MARK) - 1 + fromLength)
  return value
}

/** Bytes that are no event, under the id of the event schema. */
function malformed(attack: Attack): Buffer[] {
  const valid = attack.validEvent()
  const header = valid.subarray(0, 5)
  const bottomless = (count: bigint) => withTail(attack, varint(count))
  return [
    header,
    valid.subarray(0, -1),
    Buffer.concat([valid, Buffer.of(0)]),
    Buffer.concat([header, Buffer.alloc(200, 0xff)]),
    bottomless(2n ** 50n),
    bottomless(-(2n ** 63n)),
    bottomless(1_000_000_000n),
    Buffer.concat([bottomless(-(2n ** 40n)), varint(0n)]),
    withTail(attack, Buffer.concat([varint(1n), varint(2n ** 40n)])),
    withTail(attack, Buffer.concat([varint(1n), varint(-5n)])),
    withTail(attack, Buffer.concat([Buffer.alloc(10, 0xff), Buffer.of(1)])),
    withTail(attack, Buffer.concat([varint(1n), text(Buffer.from([0xc0, 0x80])), Buffer.of(0)])),
    withTail(attack, Buffer.concat([varint(1n), text(Buffer.from([0xed, 0xa0, 0x80])), Buffer.of(0)])),
    withByte(attack, 1, 0xff),
    // The category's index, and the union's index of clock_offset_ms.
    withByte(attack, 1 + MARK.length, 0x7e),
    withByte(attack, -1, 0x04),
  ]
}

/** Records as any producer can write them. */
export const RECORD_CASES: readonly HostileCase[] = [
  {
    name: 'values that are in no wire format',
    cells: ['producer/records/stop', 'producer/records/hide'],
    inTest: true,
    run: async (attack) => {
      const values = ['', '\u0001\u0000\u0000\u0000\u0001', '{"action":"x"}', '\u0000\u0000\u0000\u0000']
      const batch = batchOf([...values.map((value) => Buffer.from(value)), Buffer.alloc(5, 0xff)])
      await isSetAside(attack, 'NOT_WIRE_FORMAT', 5, () => attack.sendBatch(batch))
      await goesOn(attack)
    },
  },
  {
    name: 'malformed bodies of every kind under the id of the event schema',
    cells: ['producer/records/stop', 'producer/records/delay', 'producer/schema ids/stop'],
    inTest: true,
    run: async (attack) => {
      const values = malformed(attack)
      await isSetAside(attack, 'MALFORMED', values.length, () => attack.sendBatch(batchOf(values)))
      for (const value of values)
        await isSetAside(attack, 'MALFORMED', 1, () => attack.sendBatch(batchOf([value])))
      await goesOn(attack)
    },
  },
  {
    name: '1,000 malformed bodies in 18 kB',
    cells: ['producer/records/stop', 'producer/records/delay'],
    inTest: true,
    run: async (attack) => {
      const cutOff = attack.validEvent().subarray(0, 12)
      const values = Array.from({ length: 1_000 }, (_, at) => Buffer.concat([cutOff, Buffer.of(at % 128)]))
      await isSetAside(attack, 'MALFORMED', 1_000, () => attack.sendBatch(batchOf(values)))
      await goesOn(attack)
    },
  },
  {
    name: '50,000 tombstones in one batch',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: true,
    run: async (attack) => {
      const count = 50_000
      const offset = await attack.sendBatch(batchOf(Array.from({ length: count }, () => null)))
      const last = offset + BigInt(count) - 1n
      await bothPass(attack, last)
      const { topicId, partition } = attack.target
      const [gaps] = await attack.sql<{ rows: string; tombstones: string }>(
        `SELECT count() AS rows, sum(last - first + 1) AS tombstones FROM (SELECT DISTINCT first, last FROM daybook.gaps WHERE topic_id = '${topicId}' AND partition = ${partition} AND reason = 'tombstone' AND first >= ${offset} AND last <= ${last})`,
      )
      mustBe('the number of offsets accounted for as tombstones', Number(gaps?.tombstones), count)
      if (Number(gaps?.rows) > 500) throw new Error(`the hot store took ${gaps?.rows} rows for them`)
      await goesOn(attack)
    },
  },
  {
    name: '50,000 empty values in one batch, as they are and compressed',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const values = Array.from({ length: 50_000 }, () => Buffer.alloc(0))
      for (const codec of [0, 4] as const)
        await isSetAside(attack, 'NOT_WIRE_FORMAT', values.length, () =>
          attack.sendBatch(batchOf(values, codec)),
        )
      await goesOn(attack)
    },
  },
  {
    name: 'events whose id, tenant or time cannot be kept',
    cells: ['producer/records/stop', 'producer/records/hide'],
    inTest: true,
    run: async (attack) => {
      const { validEvent } = attack
      const nil = '00000000-0000-0000-0000-000000000000'
      const ids = [
        '',
        'x',
        nil,
        'z'.repeat(36),
        randomUUID().slice(1),
        `{${randomUUID()}}`,
        `${randomUUID()}\0`,
      ]
      const values = [
        ...ids.map((id) => validEvent({ event_id: id })),
        ...['', 'x', `${randomUUID()} `].map((corrects) => validEvent({ corrects })),
        validEvent({ tenant_id: '' }),
        ...[-2_208_988_800_001, 10_413_792_000_000, 1_000_000_000_000_000, -1_000_000_000_000_000].map((at) =>
          validEvent({ occurred_at: at }),
        ),
      ]
      await isSetAside(attack, 'INVALID_FIELD', values.length, () => attack.sendBatch(batchOf(values)))
      await goesOn(attack)
    },
  },
  {
    name: 'valid events with the oldest and the newest time, and with an id in capitals',
    cells: ['producer/records/hide'],
    inTest: false,
    run: async (attack) => {
      const over = [
        { occurred_at: Date.UTC(1900, 0, 1) },
        { occurred_at: Date.UTC(2299, 11, 31, 23, 59, 59, 999) },
        { occurred_at: 0 },
        { sequence: -1 },
      ].map((fields) => ({ event_id: randomUUID(), ...fields }))
      const capital = randomUUID()
      const values = [...over, { event_id: capital.toUpperCase() }].map((fields) => attack.validEvent(fields))
      await attack.sendBatch(batchOf(values))
      await allShow(attack, [...over.map(({ event_id }) => event_id), capital])
      await goesOn(attack)
    },
  },
  {
    name: 'texts that are code, markup or control characters somewhere',
    cells: ['producer/records/falsify', 'producer/records/hide'],
    inTest: false,
    run: async (attack) => {
      const texts = [
        ...["'); DROP TABLE daybook.events; --", '\\N', 'NULL', '\0', 'a\0b', '\t\r\n', '"\\"', '\\'],
        ...['\u2028\u202e\ufeff', '😀', '{{1}}', '$(x)', '__proto__', '../../../etc/passwd', '=1+1', '%00'],
      ]
      const sent = texts.map((action) => ({ id: randomUUID(), action }))
      const values = sent.map(({ id, action }) =>
        attack.validEvent({ event_id: id, action, tenant_id: action, metadata: { [`k${action}`]: action } }),
      )
      await attack.sendBatch(batchOf(values))
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      const rows = await attack.sql<{ id: string; a: string; t: string; m: string }>(
        `SELECT toString(event_id) AS id, hex(action) AS a, hex(tenant_id) AS t, hex(mapValues(metadata)[1]) AS m FROM daybook.audit WHERE event_id IN (${sent.map(({ id }) => `'${id}'`).join(',')})`,
      )
      for (const { id, action } of sent) {
        const hex = Buffer.from(action).toString('hex').toUpperCase()
        const row = rows.find((one) => one.id === id)
        mustBe(`what shows for ${JSON.stringify(action)}`, [row?.a, row?.t, row?.m], [hex, hex, hex])
      }
    },
  },
  {
    name: 'metadata named __proto__, named twice, in many blocks, and 50,000 names',
    cells: ['producer/records/falsify', 'producer/records/delay'],
    inTest: true,
    run: async (attack) => {
      const entry = (name: string, value: string) => Buffer.concat([text(name), text(value)])
      const [own, twice, blocks, many] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
      const none = Buffer.of(0)
      const maps = [
        [own, [varint(2n), entry('__proto__', 'kept'), entry('constructor', 'too'), none]],
        [twice, [varint(2n), entry('name', 'a'), entry('name', 'b'), none]],
        [
          blocks,
          [
            varint(1n),
            entry('a', '1'),
            varint(-1n),
            varint(4n),
            entry('b', '2'),
            varint(1n),
            entry('c', '3'),
            none,
          ],
        ],
        [many, [varint(50_000n), ...Array.from({ length: 50_000 }, (_, at) => entry(`n${at}`, '')), none]],
      ] as const
      const values = maps.map(([id, parts]) => withTail(attack, none, Buffer.concat([...parts]), id))
      await attack.sendBatch(batchOf(values))
      await allShow(
        attack,
        maps.map(([id]) => id),
      )
      const [row] = await attack.sql(
        `SELECT metadata['__proto__'] AS a, metadata['constructor'] AS b FROM daybook.audit WHERE event_id = '${own}'`,
      )
      mustBe('what shows under __proto__ and constructor', row, { a: 'kept', b: 'too' })
      const [counted] = await attack.sql<{ n: string; c: string }>(
        `SELECT max(length(metadata)) AS n, maxIf(metadata['c'], event_id = '${blocks}') AS c FROM daybook.audit WHERE event_id IN ('${blocks}', '${many}')`,
      )
      mustBe('what shows of the other two', counted, { n: '50000', c: '3' })
    },
  },
  {
    name: 'one event 1,000 times, in all partitions of the topic',
    cells: ['producer/records/falsify', 'producer/records/grow'],
    inTest: true,
    run: async (attack) => {
      const id = randomUUID()
      const value = attack.validEvent({ event_id: id })
      const copies = batchOf(Array.from({ length: 250 }, () => value))
      for (const partition of [0, 1, 2, 0]) await attack.sendBatch(copies, partition)
      await goesOn(attack)
      await allShow(attack, [id])
    },
  },
  {
    name: 'other contents under an id that is already known',
    cells: ['producer/records/hide', 'producer/records/falsify'],
    inTest: false,
    run: async (attack) => {
      const id = randomUUID()
      await attack.sendBatch(
        batchOf([attack.validEvent({ event_id: id, tenant_id: 'victim', action: 'real' })]),
      )
      await allShow(attack, [id])
      const others = Array.from({ length: 200 }, (_, at) =>
        attack.validEvent({
          event_id: id,
          tenant_id: at < 100 ? 'victim' : 'hostile',
          action: `other.${at}`,
        }),
      )
      for (const partition of [0, 1]) await attack.sendBatch(batchOf(others), partition)
      await goesOn(attack)
      const conflict = async () => {
        const [row] = await attack.sql<{ contents: string }>(
          `SELECT contents FROM daybook.conflicts WHERE event_id = '${id}'`,
        )
        return Number(row?.contents ?? 0) === 201
      }
      await attack.until('all 201 contents are reported as a conflict', conflict)
      const [first] = await attack.sql<{ n: string }>(
        `SELECT count() AS n FROM daybook.audit WHERE event_id = '${id}' AND action = 'real'`,
      )
      mustBe('how often the first content shows', first?.n, '1')
    },
  },
  {
    name: 'valid events as large as they may be, larger ones, and a key of a megabyte',
    cells: ['producer/records/grow', 'producer/records/stop'],
    inTest: true,
    run: async (attack) => {
      const [empty] = events(attack, 1, { reason: '' })
      const room = MAX_RECORD_BYTES - (empty?.value.length ?? 0)
      // The length of a text of so many bytes is a varint of three bytes, that of an empty one of one.
      const [most] = events(attack, 1, { reason: 'x'.repeat(room - 2) })
      const [keyed] = events(attack, 1)
      if (most === undefined || keyed === undefined) return
      mustBe('the size of the event', most.value.length, MAX_RECORD_BYTES)
      await attack.sendBatch(batchOf([most.value]))
      const key = Buffer.alloc(1_000_000, 7)
      await attack.sendBatch(rawBatch({ body: rawRecord({ delta: 0, key, value: keyed.value }), count: 1 }))
      await allShow(attack, [most.id, keyed.id])
      for (const length of [room - 1, 1_900_000]) {
        const batch = batchOf([attack.validEvent({ reason: 'x'.repeat(length) })])
        await isSetAside(attack, 'OVERSIZED', 1, () => attack.sendBatch(batch))
      }
      await goesOn(attack)
    },
  },
  {
    name: '90 valid events with 900,000 flags each, in 10 kB',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const flags = Buffer.concat([varint(900_000n), Buffer.alloc(900_001)])
      const ids = Array.from({ length: 90 }, () => randomUUID())
      for (let at = 0; at < ids.length; at += 30) {
        const values = ids.slice(at, at + 30).map((id) => withTail(attack, flags, Buffer.of(0), id))
        await attack.sendBatch(batchOf(values, 4))
      }
      await allShow(attack, ids, 90_000)
      await goesOn(attack)
    },
  },
  {
    name: '20,000 events, each of a tenant, actor and action of its own',
    cells: ['producer/records/delay'],
    inTest: false,
    run: async (attack) => {
      const sent = Array.from({ length: 20_000 }, (_, at) => {
        const own = {
          tenant_id: `t${at}`,
          action: `a${at}`,
          producer_id: `p${at}`,
          occurred_at: at * 86_400_000,
        }
        return attack.validEvent({ ...own, occurred_at: Math.min(own.occurred_at, Date.now()) })
      })
      const body = Buffer.concat(sent.map((value, delta) => rawRecord({ delta, value })))
      const offset = await attack.sendBatch(rawBatch({ body: zstd(body), codec: 4, count: sent.length }))
      await bothPass(attack, offset + BigInt(sent.length) - 1n)
      const { topicId, partition } = attack.target
      const [row] = await attack.sql<{ n: string }>(
        `SELECT count() AS n FROM daybook.audit WHERE _topic_id = '${topicId}' AND _partition = ${partition} AND _offset >= ${offset} AND _offset < ${offset + BigInt(sent.length)}`,
      )
      mustBe('the number of them that show', row?.n, String(sent.length))
    },
  },
  {
    name: '500 valid events, each between two bad records',
    cells: ['producer/records/hide'],
    inTest: true,
    run: async (attack) => {
      const sent = events(attack, 500)
      const bad = [...malformed(attack), Buffer.alloc(0), attack.validEvent({ tenant_id: '' })]
      const values = sent.flatMap(({ value }, at) => [bad[at % bad.length] ?? null, value])
      await attack.sendBatch(batchOf(values))
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
]
