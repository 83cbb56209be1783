import type { Command } from 'commander'
import { createKafkaClient } from '../../consumers/kafka/client/kafka-client.ts'
import { createRecordSender, type RecordSender } from '../../consumers/kafka/client/record-sender.ts'
import { KafkaOriginals } from '../../operations/kafka-originals.ts'
import { QuarantineTally } from '../../operations/quarantine-list.ts'
import {
  type ArchiveOriginals,
  QuarantineReplay,
  REFUSALS,
  type Refused,
} from '../../operations/quarantine-replay.ts'
import { nodeCrypto } from '../../proof/node.ts'
import type { Environment } from '../../runtime/config.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { publicKeys } from '../archive/public-keys.ts'
import { type CommandContext, EXIT, writeAnswer } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { kafkaConnection, withBucket, withCluster } from '../stores.ts'
import { repeatable, usageError } from '../usage.ts'
import { archiveOriginals } from './archive-originals.ts'
import { type EntryFilter, isWanted, keyOf, keysOf, readEntries, reportTally } from './entries.ts'

interface ReplayOptions {
  readonly key: readonly string[]
  readonly all?: true
  readonly topic?: string
  readonly code?: string
  readonly publicKey: readonly string[]
  readonly dryRun?: true
  readonly json?: true
}

/** Named one by one; beyond these only counted. */
const MAX_NAMED = 1_000

/** `daybook quarantine replay` */
export function addReplay(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('replay')
    .summary('send quarantined records again')
    .description(
      'Sends quarantined records again to the topic they came from, with the same key and value and a header that names where each first stood. What is sent is what stands at that place now, in Kafka or in a verified archive object; where that is not what was quarantined, or the topic is not one of DAYBOOK_TOPICS, it is refused and named. Of a batch only the bad records are sent. Do it after the cause is cured: a record that is still no event is quarantined again. A repeat sends them once more; events are shown once all the same.',
    )
    .addOption(
      repeatable(
        '--key <topic:partition:offset>',
        'this batch (by its first offset, as ls shows it) or this record',
        'none',
      ),
    )
    .option('--all', 'every record that --topic and --code leave')
    .option('--topic <topic>', 'only from this one')
    .option('--code <code>', 'only with this code, as UNKNOWN_SCHEMA')
    .addOption(
      repeatable(
        '--public-key <file>',
        'PEM of the public key of a worker whose archive objects count',
        'that of DAYBOOK_SIGNING_KEY_FILE',
      ),
    )
    .option('--dry-run', 'send nothing; look at everything and say how many would be sent')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  daybook quarantine replay --key audit.events.standard:3:81234\n  daybook quarantine replay --all --code UNKNOWN_SCHEMA',
    )
    .action((options: ReplayOptions) => replay(context, options))
}

async function replay(context: CommandContext, options: ReplayOptions): Promise<void> {
  const { key, all, dryRun = false } = options
  if ((all === true) === key.length > 0) throw usageError('replay', 'needs either --key or --all')
  const filter = { ...options, keys: keysOf(key) }
  const refused: Refused[] = []
  const onRefused = (one: Refused) => {
    context.setExitCode(EXIT.partly)
    if (refused.length >= MAX_NAMED) return
    refused.push(one)
    context.stderr.write(`daybook: ${sentence(one)}\n`)
  }
  const sender = dryRun ? null : createRecordSender(createKafkaClient(kafkaConnection(context.env)))
  try {
    const done = await withArchive(context, options, (archive) =>
      replayAll(context, filter, { sender, archive, onRefused }),
    )
    const missing = key.filter((each) => !done.found.has(each))
    for (const each of missing) context.stderr.write(`daybook: ${each} is not in the quarantine\n`)
    if (missing.length > 0) context.setExitCode(EXIT.partly)
    const answer = { sent: done.sent, dryRun, missing, refused, refusedRecords: done.refused }
    await writeAnswer(context, options, answer, () =>
      dryRun ? `${done.sent} would be sent` : `${done.sent} sent and acknowledged`,
    )
  } finally {
    await sender?.close()
  }
}

function sentence({ key, reason, records }: Refused): string {
  const which = records === 1 ? key : `${key} and ${records - 1} more of its batch`
  const page = reason === 'whole_batch' ? '; see docs/errors/DAYBOOK_RECORD_OVERSIZED.md' : ''
  return `${which}: not sent, ${REFUSALS[reason]}${page}`
}

interface ReplayWith {
  readonly sender: RecordSender | null
  readonly archive: ArchiveOriginals
  readonly onRefused: (refused: Refused) => void
}

async function replayAll(context: CommandContext, filter: EntryFilter, o: ReplayWith) {
  const { topics } = settingsOf(context.env, NEEDS.kafka)
  const tally = new QuarantineTally()
  const found = new Set<string>()
  const wanted: QuarantineReplayOptions['isWanted'] = (entry, offset, code) => {
    const is = isWanted(entry, offset, code, filter)
    if (is)
      for (const key of [keyOf(entry, entry.first), keyOf(entry, offset)])
        if (filter.keys.has(key)) found.add(key)
    return is
  }
  return withCluster(context.env, async ({ view }) => {
    const kafka = new KafkaOriginals(view)
    const run = new QuarantineReplay({ ...o, topics: new Set(topics), kafka, isWanted: wanted })
    for await (const entry of readEntries(context.env, filter, tally)) {
      if (filter.keys.has(keyOf(entry, entry.first))) found.add(keyOf(entry, entry.first))
      await run.replay(entry)
    }
    await run.flush()
    reportTally(context, tally)
    return { found, sent: run.sent, refused: run.refused }
  })
}

type QuarantineReplayOptions = ConstructorParameters<typeof QuarantineReplay>[0]

/** The archive is asked only for what Kafka no longer holds, so it need not be configured for the rest. */
function withArchive<T>(
  context: CommandContext,
  options: ReplayOptions,
  act: (archive: ArchiveOriginals) => Promise<T>,
): Promise<T> {
  const { env, signal } = context
  if (!isArchiveConfigured(env)) return act({ record: async () => null })
  return withBucket(env, (store) => {
    let archive: ArchiveOriginals | null = null
    return act({
      record: (...place) => {
        const keys = () => publicKeys(env, options.publicKey)
        archive ??= archiveOriginals({ store, publicKeys: keys(), crypto: nodeCrypto }, signal)
        return archive.record(...place)
      },
    })
  })
}

function isArchiveConfigured(env: Environment): boolean {
  try {
    settingsOf(env, NEEDS.s3)
    return true
  } catch (error) {
    if (error instanceof DaybookError) return false
    throw error
  }
}
