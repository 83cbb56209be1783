import type { Command } from 'commander'
import type { BadRun, QuarantineEntry } from '../../consumers/kafka/quarantine/quarantine-entry.ts'
import { QuarantineTally } from '../../operations/quarantine-list.ts'
import { type CommandContext, toJson, write } from '../command.ts'
import { wholeNumber } from '../usage.ts'
import { type EntryFilter, isWanted, keyOf, keysOf, readEntries, reportTally } from './entries.ts'

interface LsOptions {
  readonly topic?: string
  readonly code?: string
  readonly records?: true
  readonly limit: number
  readonly showBytes?: true
  readonly json?: true
}

const DEFAULT_LIMIT = 1_000
const SHOWN_BYTES = 64
/** In the JSON of a batch; `--records` shows all. */
const SHOWN_RUNS = 20

/** `daybook quarantine ls` */
export function addLs(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('ls')
    .summary('list what is in quarantine')
    .description(
      'Lists the record batches that hold records which are no events, and records that the store refused, each once: where it stood, how many records are bad, why, and its size. With --records a line for each bad record. Codes are explained in docs/errors/DAYBOOK_RECORD_<code>.md.',
    )
    .option('--topic <topic>', 'only from this one')
    .option('--code <code>', 'only with this code, as MALFORMED')
    .option('--records', 'a line for each bad record, not for each batch')
    .option('--limit <n>', 'at most so many lines', wholeNumber('--limit'), DEFAULT_LIMIT)
    .option('--show-bytes', `show the first ${SHOWN_BYTES} bytes in hexadecimal; they may hold personal data`)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  daybook quarantine ls --code UNKNOWN_SCHEMA --json')
    .action((options: LsOptions) => ls(context, options))
}

async function ls(context: CommandContext, options: LsOptions): Promise<void> {
  const tally = new QuarantineTally()
  const filter = { ...options, keys: keysOf([]) }
  let left = options.limit
  for await (const entry of readEntries(context.env, filter, tally)) {
    for (const line of linesOf(entry, options, filter)) {
      if (left-- === 0) {
        context.stderr.write(`daybook: there are more than ${options.limit}; raise --limit to see them\n`)
        return reportTally(context, tally)
      }
      if (!(await write(context.stdout, `${line}\n`))) return
    }
  }
  reportTally(context, tally)
}

function* linesOf(entry: QuarantineEntry, options: LsOptions, filter: EntryFilter): Generator<string> {
  if (options.records !== true || entry.bad.runs === null) {
    const described = describe(entry, options.showBytes === true)
    yield options.json === true ? toJson(described) : asText(described)
    return
  }
  for (const run of entry.bad.runs())
    for (let offset = run.first; offset <= run.last; offset++) {
      if (!isWanted(entry, offset, run.code, filter)) continue
      const record = describeRecord(entry, offset, run)
      yield options.json === true
        ? toJson(record)
        : `${record.appendTime ?? '-'}  ${record.key}  ${run.code}  ${run.reason}`
    }
}

function describe(entry: QuarantineEntry, showsBytes: boolean) {
  const { partition, first, last, kind, isWhole, reference, sizeBytes, bad, bytes } = entry
  const runs: BadRun[] = []
  for (const run of bad.runs?.() ?? []) {
    if (runs.length === SHOWN_RUNS) break
    runs.push(run)
  }
  return {
    key: keyOf(entry, first),
    ...partition,
    ...{ first, last, kind, isWhole, sizeBytes },
    appendTime: timeOf(entry),
    isReference: reference !== null,
    ...(reference === null ? {} : { sha256: reference.sha256 }),
    ...{ badRecords: bad.count, codes: bad.codes, bad: runs },
    ...(showsBytes ? { bytes: bytes?.subarray(0, SHOWN_BYTES).toString('hex') ?? '' } : {}),
  }
}

function describeRecord(entry: QuarantineEntry, offset: bigint, { code, reason, schemaId }: BadRun) {
  return {
    key: keyOf(entry, offset),
    batch: keyOf(entry, entry.first),
    ...entry.partition,
    ...{ offset, code, reason, schemaId, appendTime: timeOf(entry) },
  }
}

function timeOf({ appendTime }: QuarantineEntry): string | null {
  return appendTime === null ? null : new Date(appendTime).toISOString()
}

function asText({
  appendTime,
  key,
  codes,
  badRecords,
  sizeBytes,
  bad,
  isReference,
  bytes,
}: ReturnType<typeof describe>): string {
  const many = badRecords === 1 ? '' : `${badRecords} records in `
  const kept = isReference ? ', not kept here' : ''
  const text = `${appendTime ?? '-'}  ${key}  ${codes.join(',')}  ${many}${sizeBytes} bytes${kept}  ${bad[0]?.reason ?? ''}`
  return bytes === undefined ? text : `${text}\n    ${bytes}`
}
