import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { RunFleet } from './fleet.ts'
import { sendForeignRecords } from './foreign.ts'
import { randomOf, type WorldFault } from './plan.ts'
import type { Producer } from './producer.ts'
import { rewindCommits } from './rewind-commits.ts'
import { type Ground, MAX_RECORD_BYTES, PARTITIONS, SESSION_MS } from './topics.ts'
import type { World } from './world.ts'

export interface WorldFaultContext {
  readonly world: World
  readonly ground: Ground
  readonly fleet: RunFleet
  readonly producer: Producer
  readonly seed: number
}

/** Faults during which no lane may touch the fleet, because they end and start workers themselves. */
export const EXCLUSIVE_FAULTS: ReadonlySet<WorldFault> = new Set([
  'scale-1-3-1',
  'commits-rewound',
  'commits-deleted',
  'two-versions',
])

/** Faults that need both stores to be level first, and change what the truth is: see `scenarios.ts`. */
export const SCENARIO_FAULTS: ReadonlySet<WorldFault> = new Set(['log-start-past-commit', 'topic-recreated'])

const OUTAGE_MS = 2_500
const GROUPS = ['daybook-hot', 'daybook-cold']

/** Commits one fault. Resolves when the dependency is back; throws when the fault could not be brought about. */
export async function commitWorldFault(fault: WorldFault, context: WorldFaultContext): Promise<void> {
  const { world, ground } = context
  switch (fault) {
    case 'broker-restart':
      await world.stack.kafka?.kill('SIGKILL')
      return await world.stack.kafka?.start()
    case 'registry-down':
      await world.stack.registry?.kill('SIGKILL')
      await pause(OUTAGE_MS)
      return await world.stack.registry?.start()
    case 'clickhouse-fails-before':
      return await refuse(world.proxies.clickhouse)
    case 's3-fails-before':
      return await refuse(world.proxies.s3)
    case 'clickhouse-fails-after':
      return await loseAnswers(world.proxies.clickhouse)
    case 's3-fails-after':
      return await loseAnswers(world.proxies.s3)
    case 'produce-answer-lost':
      return await loseAnswers(world.proxies.kafka.producer)
    case 'producer-killed':
      return await killProducer(context)
    case 'poison-and-oversized':
      await sendForeignRecords({
        kafka: world.kafka,
        topics: ground.topics.map((name) => ({ name, partitions: PARTITIONS, schemaId: ground.schemaId })),
        schemaText: AUDIT_EVENT_SCHEMA_TEXT,
        maxRecordBytes: MAX_RECORD_BYTES,
        random: randomOf(context.seed),
      })
      return
    case 'scale-1-3-1':
      return await scale(context)
    case 'commits-rewound':
      return await tamperWithCommits(context, 'rewind')
    case 'commits-deleted':
      return await tamperWithCommits(context, 'delete')
    case 'two-versions':
      return await runTwoVersions(context)
    case 'log-start-past-commit':
    case 'topic-recreated':
      throw new Error(`${fault} is a scenario of its own`)
  }
}

async function refuse(proxy: TcpProxy): Promise<void> {
  proxy.refuse()
  await pause(OUTAGE_MS)
  proxy.resume()
}

const SPOOLING_MS = 500

/** Kafka is out of reach for a moment before, so that the dead leave records that are in their spools only. */
async function killProducer({ world, producer }: WorldFaultContext): Promise<void> {
  const line = world.proxies.kafka.producer
  line.refuse()
  await pause(SPOOLING_MS)
  await producer.killAndReplace(3_000).finally(() => line.resume())
}

/** Requests arrive and take effect; their answers do not come back. */
async function loseAnswers(proxy: TcpProxy): Promise<void> {
  proxy.stallServerBytes()
  const swallowed = proxy.counts.swallowedToClient
  const deadline = Date.now() + 4 * OUTAGE_MS
  while (proxy.counts.swallowedToClient === swallowed && Date.now() < deadline) await pause(50)
  await pause(OUTAGE_MS)
  proxy.resume()
  if (proxy.counts.swallowedToClient === swallowed) throw new Error('no answer came that could be lost')
}

async function scale({ fleet }: WorldFaultContext): Promise<void> {
  for (const kind of ['hot', 'cold'] as const) {
    while (fleet.workers(kind).length < 3) await fleet.start(kind)
  }
  await untilAssigned(fleet)
  for (const kind of ['hot', 'cold'] as const) {
    for (const worker of fleet.workers(kind).slice(1)) await fleet.retire(worker)
  }
}

const ASSIGN_MS = 15_000

/** Until every worker has had partitions, and a moment longer, in which they write. */
async function untilAssigned(fleet: RunFleet): Promise<void> {
  const deadline = Date.now() + ASSIGN_MS
  const all = () => [...fleet.workers('hot'), ...fleet.workers('cold')]
  while (!all().every((worker) => worker.logged('partitions assigned'))) {
    if (Date.now() > deadline) throw new Error('a worker got no partitions')
    await pause(100)
  }
  await pause(SESSION_MS / 2)
}

/** A group's offsets can be written from outside only while nobody is in it. */
async function tamperWithCommits(
  { world, ground, fleet }: WorldFaultContext,
  how: 'rewind' | 'delete',
): Promise<void> {
  const admin = world.kafka.admin()
  await admin.connect()
  try {
    await untilCommitted(admin, ground)
    await fleet.killAll()
    await untilEmpty(admin)
    if (how === 'delete') await admin.deleteGroups(GROUPS)
    else for (const groupId of GROUPS) await rewindCommits(world.kafka, groupId, ground.topics, PARTITIONS)
  } finally {
    await admin.disconnect()
  }
  await Promise.all([fleet.start('hot'), fleet.start('cold')])
}

type Admin = ReturnType<World['kafka']['admin']>

/** A killed member stays in its group until its session has run out. */
async function untilEmpty(admin: Admin): Promise<void> {
  for (;;) {
    const { groups } = await admin.describeGroups(GROUPS)
    if (groups.every((group) => group.members.length === 0)) return
    await pause(100)
  }
}

/** Until then there is nothing to take away. */
async function untilCommitted(admin: Admin, { topics }: Ground): Promise<void> {
  for (;;) {
    const states = await Promise.all(
      GROUPS.map((groupId) => admin.fetchOffsets({ groupId, topics: [...topics] })),
    )
    const isCommitted = states.every((state) =>
      state.some(({ partitions }) => partitions.some(({ offset }) => Number(offset) > 0)),
    )
    if (isCommitted) return
    await pause(200)
  }
}

/** Workers that cut and pack differently beside those that run: what they write must still be one log. */
async function runTwoVersions({ fleet }: WorldFaultContext): Promise<void> {
  fleet.vary('hot', { DAYBOOK_CUT_ROWS: '317', DAYBOOK_CUT_AGE_MS: '150' })
  fleet.vary('cold', { DAYBOOK_CUT_ROWS: '211', DAYBOOK_CUT_AGE_MS: '400', DAYBOOK_ARCHIVE_CODEC: 'deflate' })
  await Promise.all([fleet.start('hot'), fleet.start('cold')])
  await untilAssigned(fleet)
  fleet.vary('hot', {})
  fleet.vary('cold', {})
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
