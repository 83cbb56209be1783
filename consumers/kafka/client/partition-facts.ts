import type { DaybookError } from '../../../schemas/errors.ts'
import { type LogBounds, type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { requestOffsets } from '../protocol/list-offsets-request.ts'
import type { ClusterMetadata } from '../protocol/metadata-request.ts'
import { type FetchedOffset, requestCommitted } from '../protocol/offset-requests.ts'
import { BROKER_ERROR, brokerError, clientError } from './broker-errors.ts'
import type { BrokerHandle } from './kafkajs-internals.ts'
import { leaderOf, requireTopic, topicRecreated } from './topic-metadata.ts'

export interface CommittedOffset {
  /** Null where nothing is committed. Only a hint. */
  readonly committed: bigint | null
  /** What was written beside it (`CommitEntry.note`); empty where nothing was. */
  readonly note: string
}

type Answer<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: DaybookError }

/** What Kafka says of one partition. */
export type PartitionState = Answer<LogBounds & CommittedOffset>

interface Brokers {
  broker(nodeId: number): Promise<BrokerHandle>
  coordinator(groupId: string): Promise<BrokerHandle>
  metadata(topics: readonly string[]): Promise<ClusterMetadata>
}

/**
 * By `partitionKey`, an entry for each: a partition that cannot be asked, or whose topic is gone, made anew or not
 * permitted, has its error and leaves the others alone.
 * @throws DaybookError when no broker, or no coordinator, answers
 */
export async function readFacts(
  view: Brokers,
  groupId: string,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, PartitionState>> {
  const [bounds, offsets] = await Promise.all([
    readBounds(view, partitions),
    readCommitted(view, groupId, partitions),
  ])
  const facts = new Map<string, PartitionState>()
  for (const [key, log] of bounds) {
    const committed = offsets.get(key)
    if (!log.ok || committed === undefined) facts.set(key, log.ok ? { ...log, ...NOTHING } : log)
    else facts.set(key, committed.ok ? { ...log, ...committed } : committed)
  }
  return facts
}

const NOTHING: CommittedOffset = { committed: null, note: '' }

/** As `readFacts`, of the log alone. */
export async function readBounds(
  view: Pick<Brokers, 'broker' | 'metadata'>,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, Answer<LogBounds>>> {
  const answers = new Map<string, Answer<LogBounds>>()
  if (partitions.length === 0) return answers
  const metadata = await view.metadata([...new Set(partitions.map(({ topic }) => topic))])
  const byLeader = new Map<number, PartitionRef[]>()
  for (const ref of partitions) {
    try {
      const leader = leaderOfSame(metadata, ref)
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), ref])
    } catch (error) {
      answers.set(partitionKey(ref), failed(error, ref))
    }
  }
  await Promise.all(
    [...byLeader].map(async ([leader, refs]) => {
      try {
        const broker = await view.broker(leader)
        const starts = await requestOffsets(broker, refs, 'earliest')
        const ends = await requestOffsets(broker, refs, 'latest')
        const readable = await requestOffsets(broker, refs, 'readable')
        for (const ref of refs) answers.set(partitionKey(ref), boundsOf(ref, { starts, ends, readable }))
      } catch (error) {
        for (const ref of refs) answers.set(partitionKey(ref), failed(error, ref))
      }
    }),
  )
  return answers
}

function leaderOfSame(metadata: ClusterMetadata, ref: PartitionRef): number {
  const { topicId } = requireTopic(metadata, ref.topic)
  if (topicId !== ref.topicId) throw topicRecreated(ref.topic, ref.topicId, topicId)
  return leaderOf(metadata, ref)
}

type Listed = Awaited<ReturnType<typeof requestOffsets>>

function boundsOf(
  ref: PartitionRef,
  listed: { readonly starts: Listed; readonly ends: Listed; readonly readable: Listed },
): Answer<LogBounds> {
  const start = pick(listed.starts, ref)
  const end = pick(listed.ends, ref)
  const readable = pick(listed.readable, ref)
  for (const answer of [start, end, readable]) {
    const errorCode = answer?.errorCode ?? BROKER_ERROR.unknownTopicOrPartition
    if (errorCode !== 0) return failed(brokerError(errorCode, `offsets of ${nameOf(ref)}`), ref)
  }
  const logEnd = end?.offset ?? 0n
  return { ok: true, logStart: start?.offset ?? 0n, logEnd, readableEnd: readable?.offset ?? logEnd }
}

/** By `partitionKey`; what the coordinator will not say of one partition is that partition's error. */
export async function readCommitted(
  view: Pick<Brokers, 'coordinator'>,
  groupId: string,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, Answer<CommittedOffset>>> {
  if (partitions.length === 0) return new Map()
  const what = `committed offsets of group ${groupId}`
  try {
    const answer = await requestCommitted(await view.coordinator(groupId), groupId, partitions)
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, what)
    return new Map(partitions.map((ref) => [partitionKey(ref), committedOf(ref, answer.offsets)]))
  } catch (error) {
    throw clientError(error, what)
  }
}

function committedOf(ref: PartitionRef, offsets: readonly FetchedOffset[]): Answer<CommittedOffset> {
  const found = pick(offsets, ref)
  if (found === undefined) return { ok: true, ...NOTHING }
  if (found.errorCode !== 0)
    return failed(brokerError(found.errorCode, `committed offset of ${nameOf(ref)}`), ref)
  return { ok: true, committed: found.offset < 0n ? null : found.offset, note: found.note }
}

function pick<T extends { readonly topic: string; readonly partition: number }>(
  answers: readonly T[],
  { topic, partition }: PartitionRef,
): T | undefined {
  return answers.find((answer) => answer.topic === topic && answer.partition === partition)
}

function failed(error: unknown, ref: PartitionRef) {
  return { ok: false, error: clientError(error, nameOf(ref)) } as const
}

const nameOf = ({ topic, partition }: PartitionRef): string => `${topic}/${partition}`
