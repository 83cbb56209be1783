import type { Command } from 'commander'
import type { TamperingReport } from '../../consumers/cold/options.ts'
import { initTopicArchives } from '../../operations/archive-init.ts'
import { readColdConfig } from '../../runtime/worker-config.ts'
import { type CommandContext, writeAnswer } from '../command.ts'
import { configured } from '../configuration.ts'

interface InitOptions {
  readonly topic: string
  readonly reason: string
  readonly acceptRecreated?: true
  readonly json?: true
}

/** `daybook archive init` */
export function addInit(archive: Command, context: CommandContext): void {
  archive
    .command('init')
    .summary('start the archive of a topic')
    .description(
      'Starts the tree of every partition of a topic that has none yet, with a signed and locked object each. No worker archives a partition without one, so that an emptied archive is never taken for a new one. Running it again changes nothing.',
    )
    .requiredOption('--topic <topic>', 'the topic')
    .requiredOption('--reason <text>', 'why, in one line; kept in the objects')
    .option(
      '--accept-recreated',
      'the topic was deleted and made again on purpose; its earlier archive stays as it is',
    )
    .option('--json', 'one JSON array')
    .addHelpText(
      'after',
      '\nExample:\n  daybook archive init --topic audit.events.sox --reason "new retention class, CHG-12"',
    )
    .action((options: InitOptions) => init(context, options))
}

async function init(context: CommandContext, options: InitOptions): Promise<void> {
  const { env, signal, stderr } = context
  const { topic, reason, acceptRecreated = false } = options
  const config = configured({ ...env, DAYBOOK_TOPICS: topic }, readColdConfig)
  const onTampering = ({ kind, key }: TamperingReport) =>
    stderr.write(`daybook: tampering: ${kind} of ${key}\n`)
  const started = await initTopicArchives({ config, reason, acceptRecreated, onTampering, signal })
  const answer = started.map(({ partition, outcome }) => ({
    ...partition,
    state: outcome.kind,
    key: outcome.key,
  }))
  await writeAnswer(context, options, answer, () =>
    answer.map(({ topic, partition, state }) => `${topic}/${partition}: ${state}`).join('\n'),
  )
}
