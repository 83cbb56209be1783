import type { Command } from 'commander'
import type { QuarantineEntry } from '../../consumers/kafka/quarantine/quarantine-message.ts'
import { type CommandContext, toJson, write } from '../command.ts'
import { wholeNumber } from '../usage.ts'
import { keyOf, readEntries } from './entries.ts'

interface LsOptions {
  readonly topic?: string
  readonly code?: string
  readonly limit: number
  readonly showBytes?: true
  readonly json?: true
}

const DEFAULT_LIMIT = 1_000
const SHOWN_BYTES = 64

/** `daybook quarantine ls` */
export function addLs(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('ls')
    .summary('list quarantined records')
    .description(
      'Lists the records that were no events, each once: where it stood, why, and its size. Codes are explained in docs/errors/DAYBOOK_RECORD_<code>.md.',
    )
    .option('--topic <topic>', 'only from this one')
    .option('--code <code>', 'only with this code, as MALFORMED')
    .option('--limit <n>', 'at most so many', wholeNumber('--limit'), DEFAULT_LIMIT)
    .option('--show-bytes', `show the first ${SHOWN_BYTES} bytes in hexadecimal; they may hold personal data`)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  daybook quarantine ls --code UNKNOWN_SCHEMA --json')
    .action((options: LsOptions) => ls(context, options))
}

async function ls(context: CommandContext, options: LsOptions): Promise<void> {
  const listing = await readEntries(context.env, { ...options, keys: [] }, options.limit)
  for (const entry of listing.entries) {
    const line = describe(entry, options.showBytes === true)
    const text = options.json === true ? toJson(line) : asText(line)
    if (!(await write(context.stdout, `${text}\n`))) return
  }
  if (listing.isTruncated)
    context.stderr.write(`daybook: there are more than ${options.limit}; raise --limit to see them\n`)
  if (listing.foreign > 0)
    context.stderr.write(`daybook: ${listing.foreign} records of the topic were written by no quarantine\n`)
}

function describe(entry: QuarantineEntry, showsBytes: boolean) {
  const { partition, offset, appendTime, schemaId, code, reason, isBatch, value } = entry
  return {
    key: keyOf(entry),
    ...partition,
    ...{ offset, code, reason, schemaId, isBatch },
    appendTime: new Date(appendTime).toISOString(),
    sizeBytes: value?.length ?? 0,
    ...(showsBytes ? { bytes: value?.subarray(0, SHOWN_BYTES).toString('hex') ?? '' } : {}),
  }
}

function asText(line: ReturnType<typeof describe>): string {
  const { appendTime, key, code, sizeBytes, reason, bytes } = line
  const text = `${appendTime}  ${key}  ${code}  ${sizeBytes} bytes  ${reason}`
  return bytes === undefined ? text : `${text}\n    ${bytes}`
}
