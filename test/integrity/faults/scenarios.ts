import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdContext } from '../../../consumers/cold-context.ts'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { createHotStore, type HotStore } from '../../../consumers/hot/clickhouse/store.ts'
import { acceptTopic } from '../../../consumers/hot/ownership/known-topics.ts'
import { describeTopics } from '../../../consumers/kafka/topics/describe-topics.ts'
import { acceptColdLoss } from '../../../operations/accept-cold-loss.ts'
import { acceptHotLoss } from '../../../operations/accept-hot-loss.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { waitUntil } from '../../../runtime/wait-until.ts'
import { readColdConfig } from '../../../runtime/worker-config.ts'
import type { RunFleet } from './fleet.ts'
import { WORKERS, type WorkerKind, type WorldFault } from './plan.ts'
import type { Producer } from './producer.ts'
import { settle } from './settle.ts'
import { type Ground, PARTITIONS } from './topics.ts'
import { type Truth, takeTruths, type VerifyTarget } from './verify/verify-run.ts'
import type { World } from './world.ts'

/**
 * Faults that an operator has to answer. Each begins with both stores level and no worker running, and ends so: the
 * fault is committed, every worker must stop the partitions, the operator accepts, and the same workers go on.
 */
export interface ScenarioContext {
  readonly world: World
  readonly ground: Ground
  readonly fleet: RunFleet
  readonly producer: Producer
  readonly target: VerifyTarget
  readonly settleMs: number
}

const LOAD = { count: 600, perSecond: 3_000 }
const REFUSE_MS = 20_000
const RETRY_MS = 200
const KEPT_RECORDS = 2n
const REASON = 'fault run'

/** Returns the truth as it is then. @throws where a worker did not refuse: that is a violation */
export async function playScenario(
  fault: WorldFault,
  context: ScenarioContext,
  truths: readonly Truth[],
): Promise<Truth[]> {
  const after =
    fault === 'topic-recreated' ? await recreateTopic(context, truths) : await moveLogStart(context, truths)
  await settle(context.target, after, context.settleMs)
  await context.fleet.retireAll()
  return after
}

/** Records that no worker has read are deleted, as by retention; the last ones of each partition stay. */
async function moveLogStart(context: ScenarioContext, before: readonly Truth[]): Promise<Truth[]> {
  const { world, ground, target } = context
  const topic = ground.topics[1] ?? ''
  await load(context)
  // Asked, not remembered: a topic may have been made anew since the run began.
  const { partitions } = await describeTopics({ brokers: world.stack.endpoints.kafka.brokers }, ground.topics)
  const after = truthsNow(target, partitions, before).map((truth): Truth => {
    const held = before.find((one) => one.topicId === truth.topicId && one.partition === truth.partition)
    const first = lastOffset(held) + 1n
    const last = lastOffset(truth) - KEPT_RECORDS
    const isHere = partitions.some(({ topicId }) => topicId === truth.topicId)
    return isHere && truth.topic === topic && last >= first ? { ...truth, lost: { first, last } } : truth
  })
  const losses = after.flatMap(({ lost, ...partition }) => (lost === null ? [] : [{ partition, lost }]))
  if (losses.length === 0) throw new Error('no record came that could be deleted')
  const admin = world.kafka.admin()
  await admin.connect()
  // Makes the client learn where the topic is; the call after it does not by itself.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({
    topic,
    partitions: losses.map(({ partition: { partition }, lost }) => ({
      partition,
      offset: String(lost.last + 1n),
    })),
  })
  await admin.disconnect()
  await allRefuse(context, {
    hot: ['DAYBOOK_ENGINE_LOG_LOST'],
    cold: ['DAYBOOK_ENGINE_LOG_LOST'],
  })
  const cold = await coldContext(context)
  await withHotStore(world, async (store) => {
    for (const { partition: place, lost } of losses) {
      const partition = refOf(place)
      await acceptHotLoss(store, {
        partition,
        through: lost.last,
        by: 'faults',
        reason: REASON,
        at: Date.now(),
      })
      await acceptColdLoss(cold, { partition, ...lost, reason: REASON })
    }
  })
  return after
}

/** A topic is deleted and made again under its name; the truth about the old one is what was read before. */
async function recreateTopic(context: ScenarioContext, before: readonly Truth[]): Promise<Truth[]> {
  const { world, ground, target } = context
  const topic = ground.topics[0] ?? ''
  const oldId = ground.partitions.find((partition) => partition.topic === topic)?.topicId ?? ''
  const partitions = await makeAnew(context, topic, oldId)
  await load(context)
  await allRefuse(context, {
    hot: ['DAYBOOK_HOT_TOPIC_RECREATED'],
    cold: ['DAYBOOK_COLD_TOPIC_RECREATED'],
  })
  const anew = partitions.filter((partition) => partition.topic === topic)
  const cold = await coldContext(context)
  await withHotStore(world, async (store) => {
    const [ref] = anew
    if (ref !== undefined) await acceptTopic(store, { ref, by: 'faults', reason: REASON, at: Date.now() })
  })
  for (const partition of anew) await initArchive(cold, { partition, reason: REASON, acceptRecreated: true })
  return truthsNow(target, partitions, before)
}

/** What the broker's files hold of `partitions` now, and what was known of partitions that are gone. */
function truthsNow(
  target: VerifyTarget,
  partitions: readonly PartitionRef[],
  before: readonly Truth[],
): Truth[] {
  const isThere = (truth: Truth) => partitions.some(({ topicId }) => topicId === truth.topicId)
  const gone = before.filter((truth) => !isThere(truth))
  return [...gone, ...takeTruths(target, partitions).map((now) => grown(now, before))]
}

async function makeAnew(
  { world, ground }: ScenarioContext,
  topic: string,
  oldId: string,
): Promise<readonly PartitionRef[]> {
  const { kafka } = world.stack.endpoints
  const admin = world.kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  const { topics, quarantineTopic } = ground
  return untilIt(async () => {
    await createTopics({ kafka, topics, quarantineTopic, partitions: PARTITIONS })
    const { partitions } = await describeTopics({ brokers: kafka.brokers }, topics)
    return partitions.some((partition) => partition.topicId === oldId) ? null : partitions
  })
}

/** What the broker says of a topic takes a moment to change. */
async function untilIt<T>(act: () => Promise<T | null>): Promise<T> {
  let last: unknown
  const attempt = () =>
    act().catch((error: unknown) => {
      last = error
      return null
    })
  const options = { pauseMs: RETRY_MS, signal: AbortSignal.timeout(REFUSE_MS) }
  try {
    return await waitUntil(attempt, (result): result is Awaited<T> => result !== null, options)
  } catch (error) {
    throw last ?? error
  }
}

async function load({ producer }: ScenarioContext): Promise<void> {
  producer.start(LOAD.count, LOAD.perSecond)
  await producer.finish()
}

/** A worker of each kind is started: it must stop the partitions and name one of the codes, and stay up. */
async function allRefuse(
  { fleet }: ScenarioContext,
  codes: Readonly<Record<WorkerKind, readonly string[]>>,
): Promise<void> {
  await Promise.all(
    WORKERS.map(async (kind) => {
      const worker = await fleet.start(kind)
      fleet.expectStops(worker, codes[kind])
      const deadline = Date.now() + REFUSE_MS
      while (!worker.stops().some((code) => codes[kind].includes(code))) {
        if (!worker.running()) throw new Error(`the ${kind} worker ended: ${worker.lastWords()}`)
        if (Date.now() > deadline)
          throw new Error(`the ${kind} worker went on instead of stopping by ${codes[kind].join(' or ')}`)
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }),
  )
}

async function coldContext({ world, ground }: ScenarioContext) {
  const { s3, kafka } = world.stack.endpoints
  const config = readColdConfig({ ...ground.env('cold'), DAYBOOK_S3_ENDPOINT: s3.endpoint })
  const { clusterId } = await describeTopics({ brokers: kafka.brokers }, ground.topics)
  return createColdContext({ config, clusterId, onTampering: () => {} })
}

async function withHotStore(world: World, act: (store: HotStore) => Promise<void>): Promise<void> {
  const clients = createHotClients(world.stack.endpoints.clickhouse)
  const store = createHotStore({ clients, database: 'daybook' })
  await act(store).finally(() => store.close())
}

/** What an earlier dump held and the broker's files may not hold any more stays true. */
function grown(now: Truth, before: readonly Truth[]): Truth {
  const then = before.find((one) => one.topicId === now.topicId && one.partition === now.partition)
  if (then === undefined) return now
  const joined = <T>(earlier: readonly T[], later: readonly T[], offsetOf: (item: T) => bigint): T[] => {
    const end = earlier.at(-1)
    return [...earlier, ...later.filter((item) => end === undefined || offsetOf(item) > offsetOf(end))]
  }
  const { records, control, aborted } = now.truth
  const truth = {
    records: joined(then.truth.records, records, ({ offset }) => offset),
    control: joined(then.truth.control, control, (offset) => offset),
    aborted: joined(then.truth.aborted, aborted, (offset) => offset),
  }
  return { ...now, truth, lost: then.lost }
}

const lastOffset = (truth: Truth | undefined): bigint => truth?.truth.records.at(-1)?.offset ?? -1n

const refOf = ({ topic, topicId, partition }: PartitionRef): PartitionRef => ({ topic, topicId, partition })
