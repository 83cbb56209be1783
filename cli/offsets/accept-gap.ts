import { type Command, Option } from 'commander'
import { createColdContext } from '../../consumers/cold-context.ts'
import { type PartitionRef, partitionKey } from '../../consumers/engine/contracts.ts'
import { GROUPS, type GroupName } from '../../consumers/kafka/group/group-ids.ts'
import { type AcceptedColdLoss, acceptColdLoss } from '../../operations/accept-cold-loss.ts'
import { acceptHotLoss } from '../../operations/accept-hot-loss.ts'
import { type Held, heldWithin } from '../../operations/held-offsets.ts'
import { readColdConfig } from '../../runtime/worker-config.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { configured } from '../configuration.ts'
import { operatorName } from '../operator.ts'
import { withBucket, withCluster, withHotStore } from '../stores.ts'
import { offset, usageError, wholeNumber } from '../usage.ts'
import { onePartition, partitionsOf } from './partitions.ts'
import { coldTips, hotTips } from './positions.ts'

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
      'Records, for good, that the offsets from behind a store’s tip through the given one are lost from Kafka, so that its worker goes on (DAYBOOK_ENGINE_LOG_LOST). The log is read first: where it holds a record among them, nothing is accepted.',
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
  const { store, through, reason } = options
  const { clusterId, ref, first } = await withCluster(context.env, async (cluster) => {
    const ref = onePartition(await partitionsOf(cluster, [options.topic]), options.partition)
    const { clusterId } = await cluster.view.metadata([options.topic])
    const first = (await tipOf(context, store, ref)) + 1n
    if (first <= through)
      refuseHeld(ref, options, await heldWithin(cluster.view, ref, { first, last: through }))
    return { ref, clusterId: clusterId ?? '', first }
  })
  const act = store === 'hot' ? acceptHot : acceptCold
  if (first <= through) await act(context, { partition: ref, first, last: through, reason }, clusterId)
  await writeAnswer(context, options, { store, ...ref, first, through, reason }, () =>
    first > through
      ? `The ${store} store holds ${ref.topic}/${ref.partition} beyond ${through}: nothing to accept.`
      : `Accepted: ${ref.topic}/${ref.partition} lost ${first}..${through} for the ${store} store.`,
  )
}

/** The last offset that a store has accounted for; −1: none. */
async function tipOf({ env, signal }: CommandContext, store: GroupName, ref: PartitionRef): Promise<bigint> {
  const tips =
    store === 'hot'
      ? await withHotStore(env, (hot) => hotTips(hot, [ref], signal))
      : await withBucket(env, (bucket) => coldTips(bucket, [ref], signal))
  return tips.get(partitionKey(ref)) ?? -1n
}

/** Whatever can still be delivered is not lost: the worker would pass it over in silence. */
function refuseHeld(ref: PartitionRef, { through, store }: AcceptOptions, held: Held): void {
  const where = `${ref.topic}/${ref.partition}`
  switch (held.kind) {
    case 'nothing':
      return
    case 'record':
      throw usageError(
        `--through ${through}`,
        `is not lost: ${where} has a record at offset ${held.offset}, which the ${store} store does not hold. What stands before a hole is delivered first, by the worker; what stands in the log is never accepted as lost`,
      )
    case 'not-written':
      throw usageError(`--through ${through}`, `is not lost: the log of ${where} ends before ${held.logEnd}`)
  }
}

type Accept = (context: CommandContext, loss: AcceptedColdLoss, clusterId: string) => Promise<void>

const acceptHot: Accept = ({ env, signal }, { partition, last, reason }) => {
  const row = { partition, through: last, by: operatorName(env), reason, at: Date.now() }
  return withHotStore(env, (store) => acceptHotLoss(store, row, signal))
}

const acceptCold: Accept = async ({ env, signal, stderr }, loss, clusterId) => {
  const cold = createColdContext({
    ...{ config: configured(env, readColdConfig), clusterId },
    onTampering: ({ kind, key }) => stderr.write(`daybook: tampering: ${kind} of ${key}\n`),
  })
  try {
    await acceptColdLoss(cold, loss, signal)
  } finally {
    cold.store.close()
  }
}
