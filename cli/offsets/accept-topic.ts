import type { Command } from 'commander'
import { acceptTopic } from '../../consumers/hot/ownership/known-topics.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { operatorName } from '../operator.ts'
import { withCluster, withHotStore } from '../stores.ts'
import { usageError } from '../usage.ts'
import { partitionsOf } from './partitions.ts'

interface AcceptTopicOptions {
  readonly topic: string
  readonly reason: string
  readonly json?: true
}

/** `daybook offsets accept-topic` */
export function addAcceptTopic(offsets: Command, context: CommandContext): void {
  offsets
    .command('accept-topic')
    .summary('let the hot worker go on with a topic that was made again')
    .description(
      'Records that a topic was deleted and made again on purpose, so that the hot worker writes its new incarnation (DAYBOOK_HOT_TOPIC_RECREATED). For the archive: daybook archive init --accept-recreated.',
    )
    .requiredOption('--topic <topic>', 'the topic as it exists now')
    .requiredOption('--reason <text>', 'why, in one line; kept with the record')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  daybook offsets accept-topic --topic audit.events.standard --reason "test data dropped before launch"',
    )
    .action((options: AcceptTopicOptions) => accept(context, options))
}

async function accept(context: CommandContext, options: AcceptTopicOptions): Promise<void> {
  const { env, signal } = context
  const [ref] = await withCluster(env, (cluster) => partitionsOf(cluster, [options.topic]))
  if (ref === undefined) throw usageError(`--topic ${options.topic}`, 'has no partitions')
  const by = operatorName(env)
  await withHotStore(env, (store) =>
    acceptTopic(store, { ref, by, reason: options.reason, at: Date.now() }, signal),
  )
  const answer = { topic: ref.topic, topicId: ref.topicId, by, reason: options.reason }
  await writeAnswer(context, options, answer, () => `Accepted: ${ref.topic} is now ${ref.topicId}.`)
}
