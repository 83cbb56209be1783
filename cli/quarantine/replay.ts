import type { Command } from 'commander'
import { replayQuarantine } from '../../operations/quarantine-replay.ts'
import { type CommandContext, EXIT, writeAnswer } from '../command.ts'
import { kafkaConnection } from '../stores.ts'
import { collect, usageError } from '../usage.ts'
import { keyOf, readEntries } from './entries.ts'

interface ReplayOptions {
  readonly key: readonly string[]
  readonly all?: true
  readonly topic?: string
  readonly code?: string
  readonly dryRun?: true
  readonly json?: true
}

/** They are held in memory with their bytes. */
const MAX_ENTRIES = 100_000

/** `daybook quarantine replay` */
export function addReplay(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('replay')
    .summary('send quarantined records again')
    .description(
      'Sends quarantined records again to the topic they came from, with the same key and bytes and a header that names where each first stood. Do it after the cause is cured: one that is still no event is quarantined again. A repeat sends them once more; events are shown once all the same.',
    )
    .option('--key <topic:partition:offset>', 'this record; may be repeated', collect, [])
    .option('--all', 'every record that --topic and --code leave')
    .option('--topic <topic>', 'only from this one')
    .option('--code <code>', 'only with this code, as UNKNOWN_SCHEMA')
    .option('--dry-run', 'send nothing; show what would be sent')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  daybook quarantine replay --key audit.events.standard:3:81234\n  daybook quarantine replay --all --code UNKNOWN_SCHEMA',
    )
    .action((options: ReplayOptions) => replay(context, options))
}

async function replay(context: CommandContext, options: ReplayOptions): Promise<void> {
  const { key: keys, all, dryRun = false } = options
  if ((all === true) === keys.length > 0) throw usageError('replay', 'needs either --key or --all')
  const listing = await readEntries(context.env, { ...options, keys }, MAX_ENTRIES)
  if (listing.isTruncated)
    throw usageError(`more than ${MAX_ENTRIES} records`, 'match; narrow them by --topic and --code')
  const known = new Set(listing.entries.map(keyOf))
  const missing = keys.filter((key) => !known.has(key))
  for (const key of missing) context.stderr.write(`daybook: ${key} is not in the quarantine\n`)
  const batches = listing.entries.filter(({ isBatch }) => isBatch).map(keyOf)
  for (const key of batches)
    context.stderr.write(
      `daybook: ${key} is a whole record batch that could not be taken apart, and no record to send; see docs/errors/DAYBOOK_RECORD_OVERSIZED.md\n`,
    )
  if (missing.length + batches.length > 0) context.setExitCode(EXIT.partly)
  const records = listing.entries.filter(({ isBatch }) => !isBatch)
  const found = records.map(keyOf)
  const sent =
    dryRun || found.length === 0 ? 0 : await replayQuarantine(kafkaConnection(context.env), records)
  await writeAnswer(context, options, { sent, dryRun, keys: found, missing, batches }, () =>
    dryRun ? [...found, `${found.length} would be sent`].join('\n') : `${sent} sent and acknowledged`,
  )
}
