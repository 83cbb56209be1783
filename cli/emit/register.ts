import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { kafkaOf } from '../../consumers/worker.ts'
import { createAuditLog, kafka } from '../../producers/sdk/src/index.ts'
import { retentionClassOf } from '../../runtime/worker-config.ts'
import { VERSION } from '../../schemas/version.ts'
import { type CommandContext, EXIT, type Register, writeAnswer } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { createProgress } from '../progress.ts'
import { usageError, wholeNumber } from '../usage.ts'
import { parseEventLine } from './event-line.ts'
import { Feed } from './feed.ts'
import { type InputLine, readLines } from './lines.ts'
import { openRejects, type Rejects } from './rejects.ts'

interface EmitOptions {
  readonly tenant?: string
  readonly service: string
  readonly spool?: string
  readonly rejects?: string
  readonly timeout: number
  readonly maxLineBytes: number
  readonly json?: true
}

const DEFAULT_TIMEOUT_S = 60
const DEFAULT_MAX_LINE_BYTES = 1_048_576
const CLOSE_MS = 2_000

/** `daybook emit` */
export const registerEmit: Register = (program, context) => {
  program
    .command('emit')
    .summary('publish events out of a file')
    .description(
      'Publishes events, one JSON object a line, and waits until Kafka has acknowledged each. A line that is no event is rejected with its number and field; the others are sent.',
    )
    .argument('[file]', 'NDJSON; without it, or with -, standard input')
    .option('--tenant <id>', 'tenant of lines that state none')
    .option('--service <name>', 'source.service of the events', 'daybook-cli')
    .option(
      '--spool <dir>',
      'keep events in this directory until they are acknowledged; what a killed run left is sent by the next',
    )
    .option(
      '--rejects <file>',
      'write rejected lines there, as NDJSON {line, field, error, input} (default: standard error, without input)',
    )
    .option(
      '--timeout <seconds>',
      'give up when Kafka acknowledges nothing for so long',
      wholeNumber('--timeout'),
      DEFAULT_TIMEOUT_S,
    )
    .option(
      '--max-line-bytes <n>',
      'longer lines are rejected',
      wholeNumber('--max-line-bytes'),
      DEFAULT_MAX_LINE_BYTES,
    )
    .option('--json', 'the summary as JSON: {read, acknowledged, rejected, unacknowledged, resent, seconds}')
    .addHelpText('after', HELP)
    .action((file: string | undefined, options: EmitOptions) => emit(context, file, options))
}

const HELP = `
A line states action, tenant, actor {id, type, name, role, affiliation, onBehalfOf}, target {type, id, name},
otherTargets [target], category, outcome (a status, or {status, code, reason}), changes [{path, before, after}],
request {interface, ip, userAgent, sessionId, requestId, deviceId, geo, correlationId, traceId}, occurredAt (a time
with its zone, or milliseconds since 1970; default: now), correlationId, traceId, causationId, reason, approval,
corrects, retention (which selects the topic), flags [text], metadata {name: value}. Required: action, tenant, actor,
target. Other fields are refused, so that a misspelt one is not lost. Ids are made when a line is read: a file that is
sent twice makes two events of each line.

Examples:
  echo '{"action":"order.updated","tenant":"acme","actor":{"id":"u-1","type":"user"},"target":{"type":"order","id":"7"}}' | daybook emit
  daybook emit events.ndjson --spool /var/spool/daybook --rejects rejected.ndjson`

async function emit(context: CommandContext, file: string | undefined, options: EmitOptions): Promise<void> {
  const { env, signal, stderr } = context
  const source = await openInput(context, file)
  const transport = transportOf(env)
  const rejects = await openRejects(context, options.rejects)
  const audit = createAuditLog({
    service: { name: options.service, version: VERSION },
    ...{ transport, onInvalid: 'throw' },
    spool: options.spool === undefined ? 'memory' : { dir: options.spool },
  })
  const progress = createProgress({ stream: stderr, what: 'acknowledged', now: Date.now })
  const startedAt = Date.now()
  const timeoutMs = options.timeout * 1_000
  const feed = new Feed({ audit, rejects, timeoutMs, signal, onAcknowledged: progress.add })
  try {
    await feedAll({ source, feed, rejects, signal, options })
  } finally {
    progress.end()
    const { read, acknowledged } = feed
    const [rejected, { resent }] = [rejects.count, audit.status().counts]
    const unacknowledged = read - acknowledged - rejected
    if (rejected > 0) context.setExitCode(EXIT.partly)
    if (unacknowledged > 0) stderr.write(leftOver(unacknowledged, options.spool))
    const seconds = (Date.now() - startedAt) / 1_000
    const summary = { read, acknowledged, rejected, unacknowledged, resent, seconds }
    await writeAnswer(context, options, summary, () => asText(summary))
    await audit.close({ timeoutMs: CLOSE_MS })
    await rejects.close()
  }
}

function asText(summary: Readonly<Record<'read' | 'acknowledged' | 'rejected' | 'resent', number>>): string {
  const { read, acknowledged, rejected, resent } = summary
  const before = resent === 0 ? '' : `, ${resent} of an earlier run sent`
  return `read ${read}, acknowledged ${acknowledged}, rejected ${rejected}${before}`
}

interface FeedAllOptions {
  readonly source: AsyncIterable<Uint8Array | string>
  readonly feed: Feed
  readonly rejects: Rejects
  readonly signal: AbortSignal
  readonly options: EmitOptions
}

async function feedAll({ source, feed, rejects, signal, options }: FeedAllOptions): Promise<void> {
  try {
    for await (const line of readLines(source, options.maxLineBytes)) {
      if (signal.aborted) break
      feed.read++
      await take(line, options.tenant, feed, rejects)
    }
  } catch (error) {
    // What was read before Ctrl-C is still waited for.
    if (!signal.aborted) throw error
  }
  await feed.finish()
}

async function take(
  line: InputLine,
  tenant: string | undefined,
  feed: Feed,
  rejects: Rejects,
): Promise<void> {
  const { number } = line
  if (line.kind === 'too-long')
    return rejects.add({
      line: number,
      field: '',
      error: `the line has ${line.bytes} bytes, too many`,
      input: null,
    })
  if (line.kind === 'not-utf8')
    return rejects.add({ line: number, field: '', error: 'the line is not UTF-8', input: null })
  const parsed = parseEventLine(line.text, tenant)
  if (parsed.ok) return feed.add(number, line.text, parsed)
  return rejects.add({ line: number, ...parsed.fault, input: line.text })
}

async function openInput(
  { stdin }: CommandContext,
  file: string | undefined,
): Promise<AsyncIterable<Uint8Array | string>> {
  if (file === undefined || file === '-') return stdin
  const found = await stat(file).catch(() => null)
  if (found === null || found.isDirectory()) throw usageError(file, 'cannot be read')
  return createReadStream(file)
}

/** The topics of the configuration, as the SDK names them: one prefix, and a class each. */
function transportOf(env: CommandContext['env']) {
  const settings = settingsOf(env, { ...NEEDS.kafka, ...NEEDS.registry })
  const { topics, registryUsername: username, registryPassword: password } = settings
  const retentions = topics.map(retentionClassOf)
  const prefixes = new Set(
    topics.map((topic, i) => topic.slice(0, topic.length - (retentions[i] ?? '').length)),
  )
  const [topicPrefix = ''] = prefixes
  if (prefixes.size !== 1) throw usageError(`DAYBOOK_TOPICS=${topics.join(',')}`, 'does not have one prefix')
  const auth = username === null || password === null ? {} : { auth: { username, password } }
  return kafka({
    ...kafkaOf(settings),
    registry: { url: settings.registryUrl, ...auth },
    retentions,
    topicPrefix,
  })
}

function leftOver(count: number, spool: string | undefined): string {
  const where =
    spool === undefined
      ? 'they may or may not have arrived'
      : `they stand in ${spool}, and the next \`daybook emit --spool ${spool}\` sends them`
  return `daybook: ${count} events were read and not acknowledged: ${where}\n`
}
