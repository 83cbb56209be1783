import { type Command, Option } from 'commander'
import { type EventQuery, getEvents, type QueryItem } from '../../evidence/get.ts'
import { nodeCrypto } from '../../proof/node.ts'
import { type CommandContext, EXIT, toJson, write } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { createProgress } from '../progress.ts'
import { withBucket } from '../stores.ts'
import { repeatable, time, uuid, wholeNumber } from '../usage.ts'
import { publicKeys } from './public-keys.ts'

interface GetOptions {
  readonly topic: readonly string[]
  readonly partition?: number
  readonly from?: number
  readonly to?: number
  readonly tenant?: string
  readonly eventId?: string
  readonly publicKey: readonly string[]
  readonly allowAltered?: true
  readonly format: 'ndjson' | 'events'
  readonly json?: true
}

/** `daybook archive get` */
export function addGet(archive: Command, context: CommandContext): void {
  archive
    .command('get')
    .summary('read events out of the archive')
    .description(
      'Reads events out of the archive, each once, and verifies every object it reads: signature, tree and data. An altered object ends it with exit code 4. Of events that were sent twice the first is shown; another content under a known id is shown too, as a conflict. Objects that are missing between two are named on standard error and end it with exit code 4.',
    )
    .addOption(repeatable('--topic <topic>', 'only this one', 'DAYBOOK_TOPICS'))
    .option('--partition <n>', 'only this one', wholeNumber('--partition'))
    .option('--from <time>', 'events that occurred from then on (UTC)', time('--from'))
    .option('--to <time>', 'events that occurred before then', time('--to'))
    .option('--tenant <id>', 'events of this tenant')
    .option('--event-id <uuid>', 'the event with this id', uuid('--event-id'))
    .addOption(
      repeatable('--public-key <file>', 'PEM of a worker’s public key', 'that of DAYBOOK_SIGNING_KEY_FILE'),
    )
    .option('--allow-altered', 'show events of altered objects too, marked "verified": false')
    .addOption(
      new Option(
        '--format <name>',
        'ndjson: {kind, event, topic, partition, offset, key, verified}; events: only the event, with "_conflict" where it is one',
      )
        .choices(['ndjson', 'events'])
        .default('ndjson'),
    )
    .option('--json', 'the same as --format ndjson')
    .addHelpText(
      'after',
      '\nExamples:\n  daybook archive get --tenant acme --from 2026-11-21T10:00Z > events.ndjson\n  daybook archive get --event-id 0199f3c2-7c1a-7000-8000-0000000000aa --public-key worker.pub',
    )
    .action((options: GetOptions) => get(context, options))
}

async function get(context: CommandContext, options: GetOptions): Promise<void> {
  const { env, signal, stderr } = context
  const keys = publicKeys(env, options.publicKey)
  const { topics } = settingsOf(env, NEEDS.s3)
  const progress = createProgress({ stream: stderr, what: 'events', now: Date.now })
  try {
    await withBucket(env, async (store) => {
      const archive = { store, publicKeys: keys, crypto: nodeCrypto }
      for (const topic of options.topic.length > 0 ? options.topic : topics) {
        for await (const item of getEvents(archive, queryOf(topic, options), signal)) {
          if (!(await show(context, options, item))) return
          progress.add(1)
        }
      }
    })
  } finally {
    progress.end()
  }
}

function queryOf(topic: string, options: GetOptions): EventQuery {
  const { partition, from, to, tenant, eventId, allowAltered } = options
  return {
    topic,
    ...(partition === undefined ? {} : { partition }),
    occurredAt: {
      ...(from === undefined ? {} : { fromMs: from }),
      ...(to === undefined ? {} : { toMs: to }),
    },
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(eventId === undefined ? {} : { eventId }),
    ...(allowAltered === undefined ? {} : { allowAltered }),
  }
}

/** False: standard output was closed by its reader. */
async function show(context: CommandContext, options: GetOptions, item: QueryItem): Promise<boolean> {
  switch (item.kind) {
    case 'event':
    case 'conflict': {
      const line = options.format === 'events' && options.json !== true ? eventOnly(item) : asLine(item)
      return write(context.stdout, `${toJson(line)}\n`)
    }
    case 'altered':
      context.setExitCode(EXIT.altered)
      return write(
        context.stderr,
        `daybook: ALTERED ${item.key} (${item.alteration.part}: ${item.alteration.fault})\n`,
      )
    case 'missing':
      context.setExitCode(EXIT.altered)
      return write(
        context.stderr,
        `daybook: MISSING offsets ${item.first}..${item.last} before ${item.before}: no object covers them\n`,
      )
  }
}

type Found = Extract<QueryItem, { kind: 'event' | 'conflict' }>

function asLine({ kind, event, topic, topicId, partition, offset, key, verified }: Found) {
  return { kind, event: withTimes(event), topic, topicId, partition, offset, key, verified }
}

function eventOnly({ kind, event, verified }: Found) {
  const marks = {
    ...(kind === 'conflict' ? { _conflict: true } : {}),
    ...(verified ? {} : { _verified: false }),
  }
  return { ...withTimes(event), ...marks }
}

function withTimes(event: Found['event']) {
  const { occurred_at: at } = event
  return typeof at === 'number' ? { ...event, occurred_at: new Date(at).toISOString() } : event
}
