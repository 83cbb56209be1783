import { type CommandContext, EXIT, type Register, writeAnswer } from '../command.ts'
import { resolveConfiguration } from '../configuration.ts'
import { positionTable } from '../offsets/show.ts'
import { gatherStatus, type Status, type StatusSettings, statusSettings } from './gather.ts'
import type { StoppedEntry } from './stopped.ts'

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
      'Shows where the servers are and whether each answers, the worker groups with their lag, what both stores hold, topics whose settings are wrong, and which partitions stand still, with the remedy. Ends with exit code 1 when something does not answer, a topic is wrong or a partition is stopped.',
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
  if (!isUp || isWrong || found.stopped.length > 0) context.setExitCode(EXIT.failed)
  const { stack } = resolveConfiguration(env)
  const local = stack === null ? null : { pid: stack.pid, logDir: stack.logDir }
  const answer = { ...describe(settings), local, ...found }
  await writeAnswer(context, options, answer, () => asText(settings, found))
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

function asText(settings: StatusSettings, found: Status): string {
  const { answers, members, objectLock, positions, topicFindings, stopped } = found
  const line = (name: string, where: string, answer: Status['answers']['kafka']) =>
    `${answer.ok ? '✓' : '✗'} ${name.padEnd(10)}  ${where}${answer.ok ? '' : `\n    ${answer.error}`}`
  const lock = objectLock === false ? ' (NO OBJECT LOCK)' : ''
  return [
    line('Kafka', settings.kafkaBrokers.join(','), answers.kafka),
    line('registry', settings.registryUrl, answers.registry),
    line('ClickHouse', settings.clickhouseUrl, answers.clickhouse),
    line('S3', `${settings.s3Endpoint ?? 'AWS'}, bucket ${settings.s3Bucket}${lock}`, answers.s3),
    ...Object.entries(members).map(
      ([group, count]) => `  ${group}: ${count} worker${count === 1 ? '' : 's'}`,
    ),
    ...topicFindings.map(({ severity, message }) => `${severity === 'error' ? '✗' : '!'} ${message}`),
    ...[...Map.groupBy(stopped, ({ group, code }) => `${group}: ${code}`).values()].map(stoppedText),
    ...(positions.length === 0 ? [] : ['', positionTable(positions)]),
  ].join('\n')
}

/** Partitions that the same code has stopped, and the remedy once. */
function stoppedText(entries: readonly StoppedEntry[]): string {
  const lines = entries.map(
    ({ group, topic, partition, code, since }) =>
      `✗ ${group}: ${topic}/${partition} is stopped since ${since} by ${code}`,
  )
  return [...lines, `    ${entries[0]?.remedy ?? ''}`].join('\n')
}
