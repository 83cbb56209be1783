import { type Command, Option } from 'commander'
import type { PartitionRef } from '../../consumers/engine/contracts.ts'
import { partitionKey } from '../../consumers/engine/contracts.ts'
import { createKafkaClient } from '../../consumers/kafka/client/kafka-client.ts'
import { GROUPS, type GroupName } from '../../consumers/kafka/group/group-ids.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { type GroupMembers, groupMembers } from '../group-members.ts'
import { kafkaConnection, withCluster } from '../stores.ts'
import { offset, usageError, wholeNumber } from '../usage.ts'
import { onePartition, partitionsOf } from './partitions.ts'

interface RewindOptions {
  readonly group: GroupName
  readonly topic: string
  readonly partition?: number
  readonly to: bigint | 'start'
  readonly yes?: true
  readonly json?: true
}

/** `daybook offsets rewind` */
export function addRewind(offsets: Command, context: CommandContext): void {
  offsets
    .command('rewind')
    .summary('set the committed offset of a group that has no members')
    .description(
      'Sets the committed offset of a worker group. Nothing is delivered twice by it: a worker asks its store and goes on behind what the store holds. Needed after offsets were lost or forged, so that lag is told rightly. The workers of the group must be stopped.',
    )
    .addOption(
      new Option('--group <group>', 'whose offsets').choices(Object.keys(GROUPS)).makeOptionMandatory(),
    )
    .requiredOption('--topic <topic>', 'of this topic')
    .option('--partition <n>', 'only of this partition (default: all)', wholeNumber('--partition'))
    .requiredOption('--to <offset>', 'an offset, or `start` for the log start', target)
    .option('--yes', 'do it; without this it is only shown')
    .option('--json', 'one JSON array')
    .addHelpText(
      'after',
      '\nExample:\n  daybook offsets rewind --group hot --topic audit.events.standard --to start --yes',
    )
    .action((options: RewindOptions) => rewind(context, options))
}

function target(text: string): bigint | 'start' {
  return text === 'start' ? text : offset('--to')(text)
}

interface Change {
  readonly topic: string
  readonly partition: number
  readonly from: bigint | null
  readonly to: bigint
}

async function rewind(context: CommandContext, options: RewindOptions): Promise<void> {
  const group = GROUPS[options.group]
  const changes = await withCluster(context.env, async (cluster) => {
    const all = await partitionsOf(cluster, [options.topic])
    const refs = options.partition === undefined ? all : [onePartition(all, options.partition)]
    const bounds = await cluster.view.bounds(refs)
    const committed = await cluster.view.committed(group, refs)
    return refs.map((ref): Change => {
      const key = partitionKey(ref)
      const { logStart, logEnd } = bounds.get(key) ?? { logStart: 0n, logEnd: 0n }
      const to = options.to === 'start' ? logStart : options.to
      if (to < logStart || to > logEnd) throw outside(ref, to, logStart, logEnd)
      return { topic: ref.topic, partition: ref.partition, from: committed.get(key) ?? null, to }
    })
  })
  if (options.yes === true) await setOffsets(context, group, options.topic, changes)
  const done = options.yes === true ? '' : '\nNothing was changed: add --yes to do it.'
  await writeAnswer(context, options, changes, () => changes.map(line).join('\n') + done)
}

function line({ topic, partition, from, to }: Change): string {
  return `${topic}/${partition}: ${from ?? 'nothing committed'} → ${to}`
}

function outside(ref: PartitionRef, to: bigint, logStart: bigint, logEnd: bigint): DaybookError {
  return usageError(
    `--to ${to}`,
    `is outside ${logStart}..${logEnd}, the log of ${ref.topic}/${ref.partition}`,
  )
}

async function setOffsets(
  { env }: CommandContext,
  groupId: string,
  topic: string,
  changes: readonly Change[],
): Promise<void> {
  assertUnused(groupId, await withCluster(env, ({ view }) => groupMembers(view, groupId)))
  const admin = createKafkaClient(kafkaConnection(env)).admin()
  await admin.connect()
  try {
    const partitions = changes.map(({ partition, to }) => ({ partition, offset: String(to) }))
    await admin.setOffsets({ groupId, topic, partitions })
  } finally {
    await admin.disconnect()
  }
}

/** @throws DaybookError DAYBOOK_CLI_GROUP_IN_USE */
function assertUnused(groupId: string, { workers: members, concern }: GroupMembers): void {
  if (concern !== null)
    throw new DaybookError('DAYBOOK_CLI_GROUP_IN_USE', `Group ${groupId}: ${concern}`, {
      details: { groupId },
    })
  if (members === null || members === 0) return
  throw new DaybookError(
    'DAYBOOK_CLI_GROUP_IN_USE',
    `Group ${groupId} has ${members} member${members === 1 ? '' : 's'}, which would commit over this at once. Stop its workers first.`,
    { details: { groupId, members } },
  )
}
