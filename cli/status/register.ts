import { type CommandContext, EXIT, type Register, writeAnswer } from '../command.ts'
import { resolveConfiguration } from '../configuration.ts'
import { gatherStatus, type StatusSettings, statusSettings } from './gather.ts'
import { statusText } from './text.ts'

/** The view that shows each event once. */
const VIEW = 'daybook.audit'

interface StatusOptions {
  readonly json?: true
}

/** `daybook status` */
export const registerStatus: Register = (program, context) => {
  program
    .command('status')
    .summary('endpoints, and how far the workers are')
    .description(
      'Shows where the servers are and whether each answers, the worker groups with their lag, what both stores hold, topics whose settings are wrong, and which partitions stand still or have lost records, with the remedy. Ends with exit code 1 when something does not answer, a topic is wrong, a partition is stopped or has lost records that were not delivered, or the members of a group are not as they must be.',
    )
    .option('--json', 'one JSON object, with the credentials of the servers in it')
    .addHelpText('after', '\nExample:\n  daybook status --json | jq -r .endpoints.clickhouse')
    .action((options: StatusOptions) => status(context, options))
}

async function status(context: CommandContext, options: StatusOptions): Promise<void> {
  const { env, signal } = context
  const settings = statusSettings(env)
  const found = await gatherStatus(env, settings, signal)
  const isUp = Object.values(found.answers).every((answer) => answer.ok)
  const isWrong = found.topicFindings.some(({ severity }) => severity === 'error')
  const isLost = found.positions.some(({ lost }) => lost !== null)
  const isOfConcern = isWrong || isLost || found.stopped.length > 0 || found.groupConcerns.length > 0
  if (!isUp || isOfConcern) context.setExitCode(EXIT.failed)
  const { stack } = resolveConfiguration(env)
  const local = stack === null ? null : { pid: stack.pid, logDir: stack.logDir }
  const answer = { ...describe(settings), local, ...found }
  await writeAnswer(context, options, answer, () => statusText(settings, found))
}

/** The names that `npm start -- --json` gives too. */
function describe(settings: StatusSettings) {
  return {
    endpoints: {
      kafka: settings.kafkaBrokers.join(','),
      registry: settings.registryUrl,
      clickhouse: settings.clickhouseUrl,
      s3: settings.s3Endpoint,
    },
    credentials: {
      registry: registryLogin(settings),
      clickhouse: { user: settings.clickhouseUser, password: settings.clickhousePassword ?? '' },
      s3: {
        region: settings.s3Region,
        accessKeyId: settings.s3AccessKeyId,
        secretAccessKey: settings.s3SecretAccessKey,
      },
    },
    bucket: settings.s3Bucket,
    topic: settings.topics[0],
    topics: settings.topics,
    quarantineTopic: settings.quarantineTopic,
    view: VIEW,
  }
}

/** Who may register schemas; null where the registry asks nobody, or the login is not known here. */
function registryLogin({ registryUsername: username, registryPassword: password }: StatusSettings) {
  return username === null || password === null ? null : { username, password }
}
