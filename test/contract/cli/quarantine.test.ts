import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type {
  BadBatch,
  BadRecord,
  PartitionRef,
  Quarantined,
  Verdict,
} from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { readTopic } from '../../../consumers/kafka/fetch/topic-reader.ts'
import { createQuarantineWriter } from '../../../consumers/kafka/quarantine/quarantine-writer.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli } from '../../support/cli/run.ts'
import { type TestBucket, testBucket } from '../../support/cold/bucket.ts'
import { eventRecords, rangeOf } from '../../support/cold/ranges.ts'
import { coldContext, coldOptions } from '../../support/cold/sink.ts'
import { logsOf, quarantinedOf, takenIn } from '../../support/kafka/topic-bytes.ts'
import { batchOfRecords, produceRaw, rawBatch } from '../../support/raw-produce.ts'
import { testStack } from '../../support/stack.ts'

const { kafka } = testStack()
const [event] = eventRecords({ first: 0n, count: 1 })
const good = { key: event?.key ?? null, value: event?.value ?? null }
const junk = (text: string) => ({ key: Buffer.from(`k-${text}`), value: Buffer.from(text) })

let cluster: OpenCluster
let bucket: TestBucket
beforeAll(async () => {
  cluster = await openCluster(createKafkaClient(kafka))
  bucket = await testBucket('cli-quarantine')
})
afterAll(() => cluster.close())

/** Values that are no frames are bad. */
const checker = {
  check: ({ value, fault }: SourceRecord): Verdict => {
    if (fault !== null) return { kind: 'bad', ...fault, schemaId: null }
    if (value?.[0] === 0) return { kind: 'event', schemaId: 7, payloadStart: 5 }
    return { kind: 'bad', code: 'NOT_WIRE_FORMAT', reason: 'no magic byte', schemaId: null }
  },
}

async function produce({ topic, partition }: PartitionRef, batch: Buffer): Promise<void> {
  const [broker = ''] = kafka.brokers
  expect(await produceRaw({ broker, topic, partition, batch })).toMatchObject({ errorCode: 0 })
}

/** A topic whose partition 0 holds these batches, quarantined as a worker does it. */
class Ground {
  readonly world: CliWorld
  readonly ref: PartitionRef
  readonly items: readonly Quarantined[]
  readonly log: Buffer

  constructor(world: CliWorld, ref: PartitionRef, log: Buffer) {
    this.world = world
    this.ref = ref
    this.log = log
    this.items = quarantinedOf(takenIn(ref, log, checker))
  }

  static async with(batches: readonly Buffer[]): Promise<Ground> {
    const world = await cliWorld('cli-quarantine')
    // A new topic's leader may not know yet that it is one.
    const [before] = await vi.waitFor(() => logsOf(cluster.view, world.topic), { timeout: 20_000 })
    if (before === undefined) throw new Error('no partition')
    for (const batch of batches) await produce(before.ref, batch)
    const [after = before] = await logsOf(cluster.view, world.topic)
    return new Ground(world, after.ref, after.log)
  }

  get env() {
    return { ...this.world.env, DAYBOOK_S3_BUCKET: bucket.name }
  }

  async put(
    items: readonly Quarantined[] = this.items,
    partition = this.ref,
    budgetBytes = 1e6,
  ): Promise<void> {
    const topic = this.world.quarantineTopic
    const writer = createQuarantineWriter({ ...kafka, topic, budgetBytes, log: { warn: () => {} } })
    await writer.put(partition, items)
    await writer.close()
  }

  /** Writes to the quarantine topic as anybody may who is allowed to. */
  async forge(batch: Buffer): Promise<void> {
    const [quarantine] = await logsOf(cluster.view, this.world.quarantineTopic)
    if (quarantine === undefined) throw new Error('no partition')
    await produce(quarantine.ref, batch)
  }

  async ls(...more: string[]) {
    const { code, stdout, stderr } = await runCli(['quarantine', 'ls', '--json', ...more], this.env)
    const lines: Record<string, unknown>[] = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
    return { code, stderr, lines: lines.toSorted((a, b) => String(a['key']).localeCompare(String(b['key']))) }
  }

  async replay(...more: string[]) {
    const { code, stdout, stderr } = await runCli(['quarantine', 'replay', '--json', ...more], this.env)
    const answer = stdout === '' ? {} : JSON.parse(stdout)
    return {
      code,
      stderr,
      ...answer,
      reasons: answer.refused?.map((one: { reason: string }) => one.reason).toSorted(),
    }
  }

  /** What was sent again: value, key and first place. */
  async replayed(topic = this.world.topic) {
    const found: (string | undefined)[][] = []
    for await (const { record } of readTopic(cluster.view, topic)) {
      const first = record.headers?.find(([name]) => name === 'daybook-first-offset')?.[1]?.toString()
      if (first !== undefined) found.push([record.value?.toString(), record.key?.toString(), first])
    }
    return found.toSorted()
  }
}

const bad = (offset: bigint): BadRecord => ({ offset, code: 'MALFORMED', reason: 'test', schemaId: null })

function badBatch(bytes: Buffer, offsets: readonly bigint[]): Quarantined {
  const first = bytes.readBigInt64BE(0)
  const last = first + BigInt(bytes.readInt32BE(23))
  const batch: BadBatch = { first, last, appendTime: 1, bytes, bad: offsets.map(bad), isWhole: false }
  return { kind: 'batch', batch }
}

describe('quarantine', { timeout: 60_000 }, () => {
  it('lists a batch with its bad records, and sends again these only, or the chosen one', async () => {
    const ground = await Ground.with([
      batchOfRecords([good, junk('b'), good, junk('d')], 'zstd'),
      batchOfRecords([good]),
    ])
    await ground.put()
    await ground.put()
    const { topic } = ground.world
    expect(await ground.ls()).toMatchObject({
      ...{ code: 0, stderr: '' },
      lines: [
        {
          ...{ key: `${topic}:0:0`, kind: 'batch', first: '0', last: '3', badRecords: 2, isReference: false },
          bad: [
            { first: '1', last: '1', code: 'NOT_WIRE_FORMAT', reason: 'no magic byte', schemaId: null },
            { first: '3', last: '3' },
          ],
        },
      ],
    })
    const records = await ground.ls('--records')
    expect(records.lines.map(({ key, batch }) => [key, batch])).toEqual([
      [`${topic}:0:1`, `${topic}:0:0`],
      [`${topic}:0:3`, `${topic}:0:0`],
    ])
    expect(await ground.replay('--all', '--dry-run')).toMatchObject({ code: 0, sent: 2, refused: [] })
    expect(await ground.replayed()).toEqual([])
    expect(await ground.replay('--key', `${topic}:0:3`)).toMatchObject({ code: 0, sent: 1, missing: [] })
    expect(await ground.replayed()).toEqual([['d', 'k-d', `${topic}:0:3`]])
    expect(await ground.replay('--key', `${topic}:0:0`)).toMatchObject({ code: 0, sent: 2 })
    expect(await ground.replay('--key', `${topic}:0:2`)).toMatchObject({
      code: 3,
      sent: 0,
      missing: [`${topic}:0:2`],
    })
  })

  it('sends a record alone, and what only a reference stands for', async () => {
    const ground = await Ground.with([
      batchOfRecords([good, junk('b'), junk('c'), good]),
      batchOfRecords([junk('e')]),
    ])
    await ground.put(ground.items, ground.ref, 0)
    const [, record] = takenIn(ground.ref, ground.log, checker)
    const alone = SourceRecord.of({ offset: 1n, appendTime: 1, ...junk('b') })
    expect(record?.record.offset).toBe(1n)
    await ground.put([{ kind: 'record', record: alone, bad: bad(1n) }])
    expect((await ground.ls()).lines.map(({ kind, isReference }) => [kind, isReference])).toEqual([
      ['batch', true],
      ['record', false],
    ])
    expect(await ground.replay('--all')).toMatchObject({ code: 0, sent: 3, refused: [] })
    expect((await ground.replayed()).map(([value]) => value)).toEqual(['b', 'c', 'e'])
  })

  it('never sends a batch that could not be taken apart', async () => {
    const ground = await Ground.with([batchOfRecords([good, junk('b')])])
    const [item] = ground.items
    if (item?.kind !== 'batch') throw new Error('no batch')
    await ground.put([{ kind: 'batch', batch: { ...item.batch, isWhole: true } }])
    const { code, stderr, reasons } = await ground.replay('--all')
    expect([code, reasons, await ground.replayed()]).toEqual([3, ['whole_batch'], []])
    expect(stderr).toContain('DAYBOOK_RECORD_OVERSIZED.md')
  })

  it('sends nothing that a forged entry names: another topic, place or bytes', async () => {
    const ground = await Ground.with([
      batchOfRecords([junk('a'), good]),
      batchOfRecords([junk('c'), junk('d')]),
    ])
    const other = `${ground.world.topic}.other`
    await createTopics({ kafka, topics: [other], quarantineTopic: ground.world.quarantineTopic })
    const [others] = await logsOf(cluster.view, other)
    if (others === undefined) throw new Error('no partition')
    // What stands in one topic must not be sent to another under its name.
    await produce(others.ref, batchOfRecords([junk('elsewhere')]))
    const alone = SourceRecord.of({ offset: 0n, appendTime: 1, ...junk('evil') })
    const moved = batchOfRecords([junk('c'), junk('d')], 'none', 1n)
    await ground.put()
    await ground.put([badBatch(batchOfRecords([junk('elsewhere')]), [0n])], others.ref)
    await ground.put([{ kind: 'record', record: alone, bad: bad(0n) }], others.ref)
    await ground.put([{ kind: 'record', record: alone, bad: bad(0n) }])
    await ground.put([badBatch(batchOfRecords([junk('evil'), good]), [0n])])
    await ground.put([badBatch(moved, [1n, 2n])])
    await ground.put([badBatch(batchOfRecords([junk('evil')], 'none', 99n), [99n])])
    await ground.put(
      [badBatch(batchOfRecords([junk('c'), junk('evil')], 'none', 2n), [2n, 3n])],
      ground.ref,
      0,
    )
    const borrowed = { ...ground.ref, topicId: others.ref.topicId }
    await ground.put([badBatch(batchOfRecords([junk('elsewhere')]), [0n])], borrowed)
    await ground.put([badBatch(batchOfRecords([junk('a')]), [0n])], { ...ground.ref, partition: 77 })
    for (const options of [['--dry-run'], []]) {
      const { code, sent, reasons, stderr } = await ground.replay('--all', ...options)
      expect([code, sent]).toEqual([3, 3])
      expect(reasons).toEqual([
        ...['not_held', 'not_held', 'not_held', 'other_bytes', 'other_bytes', 'other_bytes', 'other_bytes'],
        ...['other_topic', 'other_topic'],
      ])
      expect(stderr).toContain(`${other}:0:0: not sent, the quarantine names a topic`)
    }
    expect((await ground.replayed()).map(([value]) => value)).toEqual(['a', 'c', 'd'])
    expect(await ground.replayed(other)).toEqual([])
  })

  it('sends from verified archive objects what Kafka no longer holds', async () => {
    const ground = await Ground.with([batchOfRecords([good, junk('b')]), batchOfRecords([good, junk('d')])])
    const [first, second] = ground.items
    if (first === undefined || second === undefined) throw new Error('no batches')
    await ground.put([first])
    await ground.put([second], ground.ref, 0)
    await ground.put([badBatch(batchOfRecords([good, junk('evil')]), [1n])])
    await ground.put([badBatch(batchOfRecords([good, junk('b'), good], 'none', 0n), [2n])], ground.ref, 0)
    const key = await archived(ground)
    const admin = createKafkaClient(kafka).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(ground.world.topic)
    await admin.deleteTopicRecords({ topic: ground.world.topic, partitions: [{ partition: 0, offset: '4' }] })
    await admin.disconnect()
    // With a key that no object was signed by, nothing there is believed.
    const doubted = await ground.replay('--all', '--dry-run')
    expect([doubted.code, doubted.sent, new Set(doubted.reasons)]).toEqual([3, 0, new Set(['not_held'])])
    const { code, sent, reasons } = await ground.replay('--all', '--public-key', key)
    expect([code, sent, reasons]).toEqual([3, 2, ['no_bad_record', 'other_bytes']])
    expect((await ground.replayed()).map(([value]) => value)).toEqual(['b', 'd'])
  })

  /** Archives what the log holds now; gives the file with the public key. */
  async function archived({ ref, log, world }: Ground): Promise<string> {
    const context = { ...coldContext(bucket.store), clock: systemClock }
    await initArchive(context, { partition: ref, reason: 'test' })
    const sink = createColdSink(coldOptions(context))
    const { signal } = new AbortController()
    const claim = await sink.claim(ref, signal)
    const raw = takenIn(ref, log, { check: () => ({ kind: 'tombstone' }) })
    const range = rangeOf(
      ref,
      raw.map(({ record }) => record),
    )
    expect(await sink.deliver([{ claim, range }], signal)).toEqual(['delivered'])
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), context.signer.publicKey])
    const file = join(world.dir, 'archive.pub')
    writeFileSync(file, `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`)
    return file
  }

  it('lists what is there, whatever else somebody has written to the topic', async () => {
    const ground = await Ground.with([batchOfRecords([good, junk('b')])])
    await ground.put()
    const { topic, topicId } = ground.ref
    const key = Buffer.from(`${topic}:0:5`)
    const format1 = (changes: Record<string, string>) => ({
      value: Buffer.from('v'),
      headers: Object.entries({
        ...{
          'daybook-topic': topic,
          'daybook-topic-id': topicId,
          'daybook-partition': '0',
          'daybook-offset': '9',
        },
        ...{ 'daybook-append-time': '1000', 'daybook-code': 'MALFORMED', 'daybook-reason': 'r', ...changes },
      }).map(([name, value]) => [name, Buffer.from(value)] as const),
    })
    const format2 = (list: Buffer | string, value: Buffer | null, more: Record<string, string> = {}) => ({
      ...{ key, value },
      headers: Object.entries({
        'daybook-format': '2',
        'daybook-topic-id': topicId,
        ...more,
        'daybook-bad': list,
      }).map(([name, header]) => [name, Buffer.from(header)] as const),
    })
    const batch = batchOfRecords([good], 'none', 5n)
    const forged = [
      ...['abc', '-1', '99999999999999999999', '8640000000000001', ''].map((time) =>
        format1({ 'daybook-append-time': time }),
      ),
      ...['-1', '4294967296', '1.5', '1e3'].map((partition) => format1({ 'daybook-partition': partition })),
      ...['-5', '9223372036854775808', '0x10'].map((offset) => format1({ 'daybook-offset': offset })),
      ...['a/b', '', 'x'.repeat(250), 'a\u001b[2J'].map((name) => format1({ 'daybook-topic': name })),
      ...[
        format1({ 'daybook-code': '\u001b[31m' }),
        format1({ 'daybook-topic-id': 'none' }),
        format1({ 'daybook-format': '3' }),
      ],
      ...['{', 'null', '[]', '{"count":-1}', '{"count":1,"kinds":1}', '\u0078\u009c'].map((list) =>
        format2(list, batch),
      ),
      format2('{"count":1,"kinds":[["MALFORMED","r",null]],"bad":[[0,4294967296,0]]}', batch),
      format2('{"count":1,"kinds":[["MALFORMED","r",null]],"bad":[[0,1,1]]}', batch),
      format2('{"count":1,"kinds":[["MALFORMED","r",null]],"bad":[]}', batch),
      format2('{"count":1}', Buffer.from('no batch')),
      format2('{"count":1}', null),
      ...['{}', '{"bytes":1,"sha256":"x","last":"7"}', '['].map((reference) =>
        format2('{"count":1}', batch, { 'daybook-reference': reference }),
      ),
    ]
    await ground.forge(batchOfRecords(forged))
    const foreign = [
      junk('foreign'),
      { value: null },
      { value: Buffer.alloc(9), headers: [['x', Buffer.alloc(10_000_000)] as const] },
    ]
    await ground.forge(batchOfRecords(foreign, 'zstd'))
    await ground.forge(
      batchOfRecords(
        [{ value: Buffer.alloc(0), headers: Array(500_000).fill(['', Buffer.alloc(0)]) }],
        'zstd',
      ),
    )
    // A broker takes what follows a compressed stream.
    const trailing = [batchOfRecords([junk('x')], 'gzip').subarray(61), Buffer.alloc(16, 1)]
    await ground.forge(rawBatch({ body: Buffer.concat(trailing), count: 1, codec: 1 }))
    const reason = 'turn\u202earound\u001b[2J\nnew line'
    await ground.forge(batchOfRecords([format1({ 'daybook-reason': reason, 'daybook-offset': '6' })]))
    const { code, stderr, lines } = await ground.ls()
    expect(code).toBe(0)
    expect(lines.map(({ key }) => key)).toEqual([`${topic}:0:0`, `${topic}:0:6`])
    expect(stderr).toContain('5 records of the topic were written by no quarantine')
    expect(stderr).toContain(`${forged.length} records of the topic are not as a quarantine writes them`)
    const text = await runCli(['quarantine', 'ls'], ground.env)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
    expect(text.stdout.trim().split('\n')).toHaveLength(2)
  })
})
