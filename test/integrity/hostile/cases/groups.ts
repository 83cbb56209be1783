import { randomUUID } from 'node:crypto'
import { WORKERS, type WorkerKind } from '../../faults/plan.ts'
import { healed, shown } from '../expectations.ts'
import {
  commitAsForeigner,
  foreignAssigner,
  groupOf,
  joinAsForeigner,
  protocolOf,
  settledWith,
  throwOut,
  usualMetadata,
  withForeigner,
} from '../group-member.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'

const ALL = [0, 1, 2] as const
/** A group that shares its partitions anew stands still until each member has noticed, at its next heartbeat. */
const REBALANCE_MS = 10_000
/** How long a foreign member sits on what it got. */
const SIT_MS = 5_000
/** Read as the subscription of a consumer it asks for a collection of 1.9 billion. */
const UNREADABLE = Buffer.from('garbage')
const FAR = '9000000000000000000'

/** Members and commits in the workers' groups that are not the workers'. */
export const GROUP_CASES: readonly HostileCase[] = [
  {
    name: 'groups: a foreign member with another protocol asks to join',
    cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
    inTest: true,
    run: async (attack) => {
      for (const kind of WORKERS) {
        const assigner = foreignAssigner({ name: 'foreign', metadata: UNREADABLE })
        const foreigner = await joinAsForeigner(attack, kind, { assigner })
        const ended = new Promise((resolve) => foreigner.on('consumer.crash', resolve))
        void foreigner.run({ eachMessage: async () => undefined }).catch(() => undefined)
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3_000))])
        await foreigner.disconnect()
        await settledWith(attack, kind, 1)
      }
    },
  },
  ...(['hot', 'cold'] as const).flatMap((kind): HostileCase[] => [
    {
      name: `groups: offsets of the ${kind} group are committed far ahead, far behind and below zero, and it shares anew`,
      cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
      // The frame takes committed offsets of the cold group for what has arrived.
      isolated: kind === 'cold',
      inTest: false,
      mayStop: ALL,
      mayDelayMs: REBALANCE_MS,
      run: async (attack) => {
        for (const offset of [FAR, '0', '-1']) {
          await throwOut(attack, kind)
          await commitAsForeigner(attack, kind, () => offset)
          await settledWith(attack, kind, 1)
          await eventsPass(attack)
        }
        await healed(attack, [kind])
      },
    },
    {
      name: `groups: a foreign member of the ${kind} group sits on partitions and commits nothing`,
      cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
      inTest: false,
      mayStop: ALL,
      mayDelayMs: REBALANCE_MS,
      run: async (attack) => {
        const { topic } = attack.target
        const name = await protocolOf(attack, kind)
        const assigner = foreignAssigner({ name, metadata: usualMetadata([topic]) })
        const foreigner = await joinAsForeigner(attack, kind, { assigner })
        await withForeigner(foreigner, async () => {
          await settledWith(attack, kind, 2)
          await new Promise((resolve) => setTimeout(resolve, SIT_MS))
        })
        await settledWith(attack, kind, 1)
        await healed(attack, [kind])
        await eventsPass(attack)
      },
    },
    {
      name: `groups: a foreign member of the ${kind} group has garbage for metadata`,
      cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
      inTest: false,
      mayStop: ALL,
      mayDelayMs: REBALANCE_MS,
      run: async (attack) => {
        const name = await protocolOf(attack, kind)
        for (const metadata of garbage([attack.target.topic])) {
          const foreigner = await joinAsForeigner(attack, kind, {
            assigner: foreignAssigner({ name, metadata }),
          })
          await withForeigner(foreigner, () => new Promise((resolve) => setTimeout(resolve, SIT_MS / 2)))
        }
        await settledWith(attack, kind, 1)
        await healed(attack, [kind])
        await eventsPass(attack)
      },
    },
    {
      name: `groups: a foreign leader of the ${kind} group hands out garbage`,
      cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
      inTest: false,
      mayStop: ALL,
      mayDelayMs: 4 * REBALANCE_MS,
      run: async (attack) => {
        const name = await protocolOf(attack, kind)
        const { topic } = attack.target
        const assigner = foreignAssigner({
          name,
          metadata: usualMetadata([topic]),
          assignment: () => Buffer.from('no assignment at all'),
        })
        const foreigner = await joinAsForeigner(attack, kind, { assigner })
        await throwOut(attack, kind)
        await withForeigner(foreigner, () => new Promise((resolve) => setTimeout(resolve, 2 * SIT_MS)))
        await settledWith(attack, kind, 1)
        await healed(attack, [kind])
        await eventsPass(attack)
      },
    },
    {
      name: `groups: the workers of the ${kind} group are thrown out, and another protocol takes their place`,
      cells: ['topic admin/consumer groups/stop'],
      inTest: false,
      mayStop: ALL,
      mayDelayMs: 4 * REBALANCE_MS,
      run: async (attack) => {
        const code = 'DAYBOOK_KAFKA_GROUP_REFUSED'
        await inPlaceOfWorkers(attack, kind, () =>
          attack.until('the worker says why it has no partitions', async () => {
            if ((await attack.readyz(kind)).text.includes(code)) return true
            return (await attack.metric(kind, 'daybook_retries_total', { code })) > 0
          }),
        )
        await settledWith(attack, kind, 1)
        await healed(attack, [kind])
        await eventsPass(attack)
      },
    },
  ]),
  {
    name: 'groups: both groups are emptied and deleted, with their offsets',
    cells: ['topic admin/consumer groups/stop', 'topic admin/consumer groups/delay'],
    inTest: true,
    mayStop: ALL,
    mayDelayMs: REBALANCE_MS,
    run: async (attack) => {
      for (const kind of WORKERS) {
        // A worker may have joined again in between: then the group is not empty.
        await attack.until(`the group ${groupOf(kind)} is deleted`, async () => {
          await throwOut(attack, kind)
          return await attack.admin.deleteGroups([groupOf(kind)]).then(
            () => true,
            () => false,
          )
        })
      }
      for (const kind of WORKERS) await settledWith(attack, kind, 1)
      await eventsPass(attack)
      await healed(attack)
    },
  },
  {
    // Kafka 4.1 fails at every join while such a member is in the group, and the client joins again after each failure.
    name: 'groups: a member whose metadata the brokers cannot read either',
    cells: ['topic admin/consumer groups/stop'],
    isolated: true,
    inTest: false,
    mayStop: ALL,
    mayDelayMs: 4 * REBALANCE_MS,
    run: async (attack) => {
      for (const kind of WORKERS) {
        const assigner = foreignAssigner({ name: await protocolOf(attack, kind), metadata: UNREADABLE })
        const foreigner = await joinAsForeigner(attack, kind, { assigner })
        await withForeigner(foreigner, () => new Promise((resolve) => setTimeout(resolve, SIT_MS)))
      }
      await eventsPass(attack)
    },
  },
]

/** Metadata that brokers take, and workers that lead their group have to read. */
const garbage = (topics: readonly string[]): Buffer[] => [
  Buffer.alloc(0),
  Buffer.of(0x7f),
  usualMetadata([]),
  usualMetadata([...topics, ...topics, 'no.such.topic', '\u0000']),
  Buffer.concat([usualMetadata(topics), Buffer.alloc(10_000, 0x7f)]),
]

/** An event of each partition comes through. */
async function eventsPass(attack: Attack): Promise<void> {
  const events = ALL.map((partition) => ({ partition, id: randomUUID() }))
  for (const { partition, id } of events)
    await attack.sendValues([attack.validEvent({ event_id: id })], partition)
  await shown(
    attack,
    events.map(({ id }) => id),
    60_000,
  )
}

/** Takes the place of a group's workers with a protocol that they do not know, while `meanwhile` lasts. */
async function inPlaceOfWorkers(
  attack: Attack,
  kind: WorkerKind,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const usual = await protocolOf(attack, kind)
  let isIn = false
  // The workers notice at their next heartbeat or commit; it is a race that a foreigner wins sooner or later.
  for (let attempt = 0; attempt < 10 && !isIn; attempt++) {
    const foreigner = await joinAsForeigner(attack, kind)
    await throwOut(attack, kind)
    await withForeigner(foreigner, async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      isIn = ![usual, ''].includes(await protocolOf(attack, kind))
      if (isIn) await meanwhile()
    })
  }
  if (!isIn) throw new Error('no case: the workers were always faster')
}
