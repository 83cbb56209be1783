import { type Command, Option } from 'commander'
import { createColdContext } from '../../consumers/cold-context.ts'
import { type PartitionRef, partitionKey } from '../../consumers/engine/contracts.ts'
import { acceptColdLoss } from '../../operations/accept-cold-loss.ts'
import { acceptHotLoss } from '../../operations/accept-hot-loss.ts'
import { isLostOffset } from '../../operations/lost-offset.ts'
import { readColdConfig } from '../../runtime/worker-config.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { configured } from '../configuration.ts'
import { operatorName } from '../operator.ts'
import { withBucket, withCluster, withHotStore } from '../stores.ts'
import { offset, usageError, wholeNumber } from '../usage.ts'
import { onePartition, partitionsOf } from './partitions.ts'
import { coldTips, GROUPS, type GroupName, hotTips } from './positions.ts'

interface AcceptOptions {
  readonly store: GroupName
  readonly topic: string
  readonly partition: number
  readonly through: bigint
  readonly reason: string
  readonly json?: true
}

/** `daybook offsets accept-gap` */
export function addAcceptGap(offsets: Command, context: CommandContext): void {
  offsets
    .command('accept-gap')
    .summary('accept that Kafka lost records before they were read')
    .description(
      'Records, for good, that offsets behind a store’s tip are lost from Kafka, so that its worker goes on (DAYBOOK_ENGINE_LOG_LOST). Only offsets that the log has lost can be accepted: below its start, or in a hole in its midst.',
    )
    .addOption(
      new Option('--store <store>', 'which store').choices(Object.keys(GROUPS)).makeOptionMandatory(),
    )
    .requiredOption('--topic <topic>', 'of this topic')
    .requiredOption('--partition <n>', 'of this partition', wholeNumber('--partition'))
    .requiredOption('--through <offset>', 'the last lost offset', offset('--through'))
    .requiredOption('--reason <text>', 'why, in one line; kept with the record')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  daybook offsets accept-gap --store hot --topic audit.events.standard --partition 3 --through 81234 --reason "workers were down for nine days, INC-77"',
    )
    .action((options: AcceptOptions) => accept(context, options))
}

async function accept(context: CommandContext, options: AcceptOptions): Promise<void> {
  const { clusterId, ref, isLost } = await withCluster(context.env, async (cluster) => {
    const ref = onePartition(await partitionsOf(cluster, [options.topic]), options.partition)
    const isLost = await isLostOffset(cluster.view, ref, options.through)
    const { clusterId } = await cluster.view.metadata([options.topic])
    return { ref, clusterId: clusterId ?? '', isLost }
  })
  if (!isLost)
    throw usageError(
      `--through ${options.through}`,
      `is not lost: it is still in the log of ${ref.topic}/${ref.partition}, or beyond its end`,
    )
  const act = options.store === 'hot' ? acceptHot : acceptCold
  const first = await act(context, ref, options, clusterId)
  const { store, through, reason } = options
  await writeAnswer(context, options, { store, ...ref, first, through, reason }, () =>
    first > through
      ? `The ${store} store holds ${ref.topic}/${ref.partition} beyond ${through}: nothing to accept.`
      : `Accepted: ${ref.topic}/${ref.partition} lost ${first}..${through} for the ${store} store.`,
  )
}

/** Each gives the first lost offset; beyond `through` when nothing of it is missing, and then records nothing. */
type Accept = (
  context: CommandContext,
  ref: PartitionRef,
  options: AcceptOptions,
  clusterId: string,
) => Promise<bigint>

const acceptHot: Accept = ({ env, signal }, ref, { through, reason }) =>
  withHotStore(env, async (store) => {
    const first = ((await hotTips(store, [ref], signal)).get(partitionKey(ref)) ?? -1n) + 1n
    const row = { partition: ref, through, by: operatorName(env), reason, at: Date.now() }
    if (first <= through) await acceptHotLoss(store, row, signal)
    return first
  })

const acceptCold: Accept = async ({ env, signal, stderr }, ref, { through, reason }, clusterId) => {
  const config = configured(env, readColdConfig)
  const tips = await withBucket(env, (store) => coldTips(store, [ref], signal))
  const first = (tips.get(partitionKey(ref)) ?? -1n) + 1n
  if (first > through) return first
  const cold = createColdContext({
    ...{ config, clusterId },
    onTampering: ({ kind, key }) => stderr.write(`daybook: tampering: ${kind} of ${key}\n`),
  })
  try {
    await acceptColdLoss(cold, { partition: ref, first, last: through, reason }, signal)
  } finally {
    cold.store.close()
  }
  return first
}
