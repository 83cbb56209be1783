import { type Command, Option } from 'commander'
import { createColdContext } from '../../consumers/cold-context.ts'
import { type PartitionRef, partitionKey } from '../../consumers/engine/contracts.ts'
import type { ClusterView } from '../../consumers/kafka/client/cluster-view.ts'
import { GROUPS, type GroupName } from '../../consumers/kafka/group/group-ids.ts'
import { type AcceptedColdLoss, acceptColdLoss } from '../../operations/accept-cold-loss.ts'
import { acceptHotLoss } from '../../operations/accept-hot-loss.ts'
import { heldWithin } from '../../operations/held-offsets.ts'
import { countOffsets, holesWithin } from '../../operations/log-holes.ts'
import type { Offsets } from '../../operations/log-stretch.ts'
import { readColdConfig } from '../../runtime/worker-config.ts'
import type { DaybookError } from '../../schemas/errors.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { configured } from '../configuration.ts'
import { operatorName } from '../operator.ts'
import { withBucket, withCluster, withHotStore } from '../stores.ts'
import { offset, usageError, wholeNumber } from '../usage.ts'
import { holeLines } from './hole-lines.ts'
import { onePartition, partitionsOf } from './partitions.ts'
import { coldTips, hotTips } from './positions.ts'

interface AcceptOptions {
  readonly store: GroupName
  readonly topic: string
  readonly partition: number
  readonly through: bigint
  readonly holes?: true
  readonly reason: string
  readonly dryRun?: true
  readonly json?: true
}

/** `daybook offsets accept-gap` */
export function addAcceptGap(offsets: Command, context: CommandContext): void {
  offsets
    .command('accept-gap')
    .summary('accept that Kafka lost records before they were read')
    .description(
      'Records, for good, that the offsets from behind a store’s tip through the given one are lost from Kafka, so that its worker goes on (DAYBOOK_ENGINE_LOG_LOST). The log is read first: where it holds a record among them, nothing is accepted. With --holes it may hold records among them: all holes that it has there are listed and accepted at once, through the last one, and the worker delivers the records between them.',
    )
    .addOption(
      new Option('--store <store>', 'which store').choices(Object.keys(GROUPS)).makeOptionMandatory(),
    )
    .requiredOption('--topic <topic>', 'of this topic')
    .requiredOption('--partition <n>', 'of this partition', wholeNumber('--partition'))
    .requiredOption('--through <offset>', 'the last lost offset', offset('--through'))
    .option('--holes', 'each hole of the log through that offset, which need not be lost itself')
    .requiredOption('--reason <text>', 'why, in one line; kept with the record')
    .option('--dry-run', 'accept nothing; read the log and say what would be accepted')
    .option('--json', 'one JSON object, with each hole')
    .addHelpText(
      'after',
      `
Examples:
  daybook offsets accept-gap --store hot --topic audit.events.standard --partition 3 --through 81234 --reason "workers were down for nine days, INC-77"
  daybook offsets accept-gap --store cold --topic audit.events.standard --partition 3 --through 90000 --holes --reason "the topic was compacted, INC-78"`,
    )
    .action((options: AcceptOptions) => accept(context, options))
}

async function accept(context: CommandContext, options: AcceptOptions): Promise<void> {
  const { store, reason } = options
  const { clusterId, ref, first, lost } = await withCluster(context.env, async (cluster) => {
    const ref = onePartition(await partitionsOf(cluster, [options.topic]), options.partition)
    const { clusterId } = await cluster.view.metadata([options.topic])
    const first = (await tipOf(context, store, ref)) + 1n
    const find = options.holes === true ? holesOf : whole
    const lost = first > options.through ? [] : await find(cluster.view, ref, first, options)
    return { ref, clusterId: clusterId ?? '', first, lost }
  })
  // Not what was asked for, but what was found: a record behind the last hole that vanishes later is another loss.
  const through = lost.at(-1)?.last
  const isAccepted = through !== undefined && options.dryRun !== true
  const count = options.holes === true ? { found: { holes: lost.length, lost: countOffsets(lost) } } : {}
  const act = store === 'hot' ? acceptHot : acceptCold
  if (isAccepted) await act(context, { partition: ref, first, last: through, reason, ...count }, clusterId)
  const answer = { store, ...ref, first, through: through ?? options.through, reason, accepted: isAccepted }
  const found = options.holes === true ? { lost: countOffsets(lost), holes: lost } : {}
  await writeAnswer(context, options, { ...answer, ...found }, () =>
    [...(options.holes === true ? holeLines(lost) : []), outcomeLine(options, ref, first, through)].join(
      '\n',
    ),
  )
}

function outcomeLine(
  { store, dryRun, ...asked }: AcceptOptions,
  { topic, partition }: PartitionRef,
  first: bigint,
  through: bigint | undefined,
): string {
  const where = `${topic}/${partition}`
  if (first > asked.through)
    return `The ${store} store holds ${where} beyond ${asked.through}: nothing to accept.`
  if (through === undefined)
    return `The log of ${where} has no hole in ${first}..${asked.through}: nothing to accept.`
  const what =
    asked.holes === true
      ? `${where} lost these for the ${store} store, the last one ${through}; the records between them are delivered.`
      : `${where} lost ${first}..${through} for the ${store} store.`
  return dryRun === true ? `Would be accepted: ${what}\nNothing was recorded.` : `Accepted: ${what}`
}

/** The last offset that a store has accounted for; −1: none. */
async function tipOf({ env, signal }: CommandContext, store: GroupName, ref: PartitionRef): Promise<bigint> {
  const tips =
    store === 'hot'
      ? await withHotStore(env, (hot) => hotTips(hot, [ref], signal))
      : await withBucket(env, (bucket) => coldTips(bucket, [ref], signal))
  return tips.get(partitionKey(ref)) ?? -1n
}

type Find = (
  view: ClusterView,
  ref: PartitionRef,
  first: bigint,
  options: AcceptOptions,
) => Promise<readonly Offsets[]>

/** All of the offsets. Whatever can still be delivered is not lost: the worker would pass it over in silence. */
const whole: Find = async (view, ref, first, { through, store }) => {
  const held = await heldWithin(view, ref, { first, last: through })
  switch (held.kind) {
    case 'nothing':
      return [{ first, last: through }]
    case 'record':
      throw usageError(
        `--through ${through}`,
        `is not lost: ${ref.topic}/${ref.partition} has a record at offset ${held.offset}, which the ${store} store does not hold. What stands before a hole is delivered first, by the worker; what stands in the log is never accepted as lost. Holes that have records between them are accepted with --holes`,
      )
    case 'not-written':
      throw notWritten(ref, through, held.logEnd)
  }
}

const holesOf: Find = async (view, ref, first, { through }) => {
  const found = await holesWithin(view, ref, { first, last: through })
  if (found.kind === 'not-written') throw notWritten(ref, through, found.logEnd)
  return found.holes
}

/** Nobody can say of a record that is yet to be written that it is lost. */
function notWritten({ topic, partition }: PartitionRef, through: bigint, logEnd: bigint): DaybookError {
  return usageError(
    `--through ${through}`,
    `is not lost: the log of ${topic}/${partition} ends before ${logEnd}`,
  )
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
