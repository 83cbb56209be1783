import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import type { Archive } from '../../../evidence/archive.ts'
import { listObjects } from '../../../evidence/list.ts'
import { rebuildRecords } from '../../../evidence/rebuild.ts'
import type { Component } from '../../../infra/local/components/component.ts'
import { workerComponent } from '../../../infra/local/components/worker.ts'
import { freePort } from '../../../infra/local/ports.ts'
import { registerSchema } from '../../../operations/registry-admin.ts'
import { nodeCrypto, signerFromPem } from '../../../proof/node.ts'
import { createS3Store } from '../../../runtime/object-store/s3.ts'
import { readObjectHeader } from '../../../schemas/archive/object.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { frame } from '../../../schemas/wire.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli } from '../../support/cli/run.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'
import { alterTopic } from '../../support/kafka/topic-admin.ts'
import { testStack } from '../../support/stack.ts'

const PAIRS = 2_200
const LOST = PAIRS - 1
const STORES = ['hot', 'cold'] as const

let world: CliWorld
let schemaId: number
const started: Component[] = []
beforeAll(async () => {
  world = await cliWorld('cli-accept-holes')
  const subject = `${world.topic}-value`
  const registry = { ...testStack().registry, timeoutMs: 10_000 }
  schemaId = await registerSchema({ ...registry, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
  await daybook('schema', 'register')
  await daybook('archive', 'init', '--topic', world.topic, '--reason', 'test')
})
afterAll(async () => {
  await Promise.all(started.map((worker) => worker.stop()))
  world.remove()
})

async function daybook(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, world.env)
  if (code !== 0) throw new Error(`daybook ${args.join(' ')}: ${code}: ${stderr}`)
  return stdout
}

async function setTopic(settings: Readonly<Record<string, string>>): Promise<void> {
  const admin = createKafkaClient(testStack().kafka).admin()
  await admin.connect()
  await alterTopic(admin, world.topic, settings)
  await admin.disconnect()
}

/** Every other event has the one key of which compaction leaves the last; gives the offsets of the others and of it. */
async function sendPairs(): Promise<readonly number[]> {
  const producer = createKafkaClient(testStack().kafka).producer()
  await producer.connect()
  const value = () => frame(schemaId, encodeEvent(anEvent({ event_id: randomUUID() })))
  const pairs = Array.from({ length: PAIRS }, (_, at) => [
    { key: `alone-${at}`, value: value(), partition: 0 },
    { key: 'again', value: value(), partition: 0 },
  ])
  for (let at = 0; at < PAIRS; at += 100)
    await producer.send({ topic: world.topic, messages: pairs.slice(at, at + 100).flat() })
  // Of time only: the next record opens a new segment, and what stands in the last one is not compacted.
  await new Promise((resolve) => setTimeout(resolve, 500))
  await producer.send({ topic: world.topic, messages: [{ key: 'last', value: value(), partition: 0 }] })
  await producer.disconnect()
  await abortOne(value())
  return [...Array.from({ length: PAIRS }, (_, at) => 2 * at), 2 * PAIRS - 1, 2 * PAIRS]
}

/** Leaves an aborted record and a marker at the end of the log. */
async function abortOne(value: Buffer): Promise<void> {
  const producer = createKafkaClient(testStack().kafka).producer({
    ...{ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 },
  })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: world.topic, messages: [{ key: 'aborted', value, partition: 0 }] })
  await transaction.abort()
  await producer.disconnect()
}

interface Hole {
  readonly first: string
  readonly last: string
}

const END = 2 * PAIRS + 2

function accept(store: string, through: number, ...more: string[]) {
  const place = ['--store', store, '--topic', world.topic, '--partition', '0', '--through', String(through)]
  return runCli(['offsets', 'accept-gap', ...place, '--reason', 'compaction', ...more], world.env)
}

async function lostNow(): Promise<number> {
  const { code, stdout, stderr } = await accept('hot', END, '--holes', '--dry-run', '--json')
  if (code !== 0) throw new Error(stderr)
  return Number(JSON.parse(stdout).lost)
}

async function startWorkers(): Promise<void> {
  const env = { PATH: process.env['PATH'], ...world.env, DAYBOOK_RETENTION: 'standard=365d' }
  for (const kind of STORES) {
    const worker = workerComponent({
      ...{ kind, port: await freePort(), dataDir: world.dir, logFile: join(world.dir, `${kind}.log`) },
      env: { ...env, DAYBOOK_CUT_AGE_MS: '1000' },
    })
    started.push(worker)
    await worker.start()
  }
}

async function stopCodes(): Promise<readonly string[]> {
  const { stdout } = await runCli(['status', '--json'], world.env)
  const stopped: { group: string; code: string }[] = JSON.parse(stdout).stopped
  return stopped.map(({ group, code }) => `${group} ${code}`).sort()
}

async function tips(): Promise<readonly (string | null)[]> {
  const positions: { partition: number; tip: string | null }[] = JSON.parse(
    await daybook('offsets', 'show', '--json'),
  )
  return positions.filter(({ partition }) => partition === 0).map(({ tip }) => tip)
}

async function inHotStore() {
  const ask = async (sql: string) => {
    const text = await daybook('sql', '--json', '--param', `topic=${world.topic}`, sql)
    return text.split('\n').filter((line) => line !== '')
  }
  const offsets = await ask(
    'SELECT _offset::UInt32 AS o FROM daybook.events WHERE _topic = {topic:String} ORDER BY o',
  )
  const gaps = await ask(
    "SELECT DISTINCT first::String AS first, last::String AS last FROM daybook.gaps WHERE topic = {topic:String} AND reason = 'lost_accepted' ORDER BY toInt64(first)",
  )
  return {
    offsets: offsets.map((line): number => Number(JSON.parse(line).o)),
    lost: gaps.map((line): Hole => JSON.parse(line)),
  }
}

async function inArchive() {
  const store = createS3Store({
    ...testStack().s3,
    ...{ bucket: world.env['DAYBOOK_S3_BUCKET'] ?? '', forcePathStyle: true },
  })
  const key = readFileSync(world.env['DAYBOOK_SIGNING_KEY_FILE'] ?? '', 'utf8')
  const archive: Archive = { store, publicKeys: [signerFromPem(key).publicKey], crypto: nodeCrypto }
  const offsets: number[] = []
  const lost: Hole[] = []
  for await (const listed of listObjects(archive, { topic: world.topic })) {
    for await (const { offset } of rebuildRecords(archive, listed)) offsets.push(Number(offset))
    const { versionId } = listed.version
    const { gaps } = readObjectHeader(await store.read({ key: listed.key, versionId })).header
    for (const { first, last, reason } of gaps)
      if (reason === 'lost_accepted') lost.push({ first: String(first), last: String(last) })
  }
  store.close()
  return { offsets, lost }
}

it('thousands of holes are accepted at once, and each record between them reaches both stores', async () => {
  await setTopic({ 'segment.ms': '100' })
  const survivors = await sendPairs()
  await setTopic({
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
    'max.compaction.lag.ms': '1000',
  })
  await expect.poll(lostNow, { timeout: 100_000, interval: 1_000 }).toBe(LOST)
  await setTopic({ 'cleanup.policy': 'delete' })

  await startWorkers()
  const bothLost = ['daybook-cold', 'daybook-hot'].map((group) => `${group} DAYBOOK_ENGINE_LOG_LOST`)
  await expect.poll(stopCodes, { timeout: 60_000, interval: 1_000 }).toEqual(bothLost)

  const holes = Array.from({ length: LOST }, (_, at) => String(2 * at + 1)).map((at) => ({
    first: at,
    last: at,
  }))
  for (const store of STORES) {
    const refused = await accept(store, END - 1)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--holes') })
    const beyond = await accept(store, END + 1, '--holes')
    expect(beyond).toMatchObject({ code: 2, stderr: expect.stringContaining(`ends before ${END + 1}`) })
    const { code, stdout } = await accept(store, END, '--holes', '--json')
    expect(code).toBe(0)
    // What is aborted is not lost, and what stands behind the last hole is not given up.
    const through = String(2 * LOST - 1)
    expect(JSON.parse(stdout)).toMatchObject({ store, accepted: true, through, lost: String(LOST), holes })
  }
  const last = String(2 * PAIRS)
  await expect.poll(tips, { timeout: 100_000, interval: 1_000 }).toEqual([last, last])
  expect(await stopCodes()).toEqual([])

  expect(await inHotStore()).toEqual({ offsets: survivors, lost: holes })
  expect(await inArchive()).toEqual({ offsets: survivors, lost: holes })
  const again = await accept('hot', 2 * PAIRS, '--holes')
  expect(again.stdout).toContain('nothing to accept')
}, 400_000)
