import type { Command } from 'commander'
import { type CommandContext, writeAnswer } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { withBucket, withCluster, withHotStore } from '../stores.ts'
import { table } from '../table.ts'
import { repeatable } from '../usage.ts'
import { partitionsOf } from './partitions.ts'
import { coldTips, hotTips, type Position, readPositions } from './positions.ts'

interface ShowOptions {
  readonly topic: readonly string[]
  readonly json?: true
}

/** `daybook offsets show` */
export function addShow(offsets: Command, context: CommandContext): void {
  offsets
    .command('show')
    .summary('where each worker group and its store are')
    .description(
      'Shows, for each worker group and partition, the committed offset, the log, the lag, and the tip: the last offset that the store holds or has accounted for; and the offsets that the log lost before they were delivered. Workers go on behind the tip; the committed offset is only a hint.',
    )
    .addOption(repeatable('--topic <topic>', 'only this one', 'DAYBOOK_TOPICS'))
    .option('--json', 'one JSON array')
    .addHelpText('after', '\nExample:\n  daybook offsets show --json | jq \'.[] | select(.lag != "0")\'')
    .action((options: ShowOptions) => show(context, options))
}

async function show(context: CommandContext, options: ShowOptions): Promise<void> {
  const { env, signal } = context
  const topics = options.topic.length > 0 ? options.topic : settingsOf(env, NEEDS.kafka).topics
  const positions = await withCluster(env, async (cluster) => {
    const refs = await partitionsOf(cluster, topics)
    const [hot, cold] = await Promise.all([
      withHotStore(env, (store) => hotTips(store, refs, signal)),
      withBucket(env, (store) => coldTips(store, refs, signal)),
    ])
    return readPositions(cluster, refs, { hot, cold })
  })
  await writeAnswer(context, options, positions, () => positionTable(positions))
}

export function positionTable(positions: readonly Position[]): string {
  const cell = (offset: bigint | null) => (offset === null ? '-' : String(offset))
  return table(
    ['group', 'topic', 'partition', 'log start', 'log end', 'committed', 'lag', 'tip', 'lost'],
    positions.map((p) => [
      ...[p.group, p.topic, String(p.partition), cell(p.logStart), cell(p.logEnd)],
      ...[cell(p.committed), cell(p.lag), cell(p.tip)],
      p.lost === null ? '-' : `${p.lost.first}..${p.lost.last}`,
    ]),
  )
}
