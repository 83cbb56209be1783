import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { Option } from 'commander'
import { DaybookError } from '../schemas/errors.ts'
import { type CommandContext, type Register, write } from './command.ts'
import { NEEDS, settingsOf } from './configuration.ts'
import { usageError } from './usage.ts'

interface SqlOptions {
  readonly file?: string
  readonly format?: string
  readonly json?: true
  readonly param: Readonly<Record<string, string>>
}

/** `daybook sql <query>`: asks ClickHouse and streams the answer. */
export const registerSql: Register = (program, context) => {
  program
    .command('sql')
    .summary('ask ClickHouse')
    .description(
      'Asks ClickHouse and streams the answer. daybook.audit shows each event once; daybook.conflicts lists ids with more than one content.',
    )
    .argument('[query]', 'one SQL statement; without it and --file it is read from standard input')
    .option('--file <file>', 'read the statement from a file')
    .option(
      '--format <name>',
      'a ClickHouse output format (default: PrettyCompactMonoBlock, or TSV in a pipe)',
    )
    .option('--json', 'one JSON object a line (JSONEachRow)')
    .addOption(
      new Option('--param <name=value>', 'value of {name:Type} in the statement; may be repeated')
        .argParser(addParam)
        .default({}, 'none'),
    )
    .addHelpText(
      'after',
      `
Examples:
  daybook sql "SELECT action, count() FROM daybook.audit GROUP BY action"
  daybook sql --param tenant=acme "SELECT * FROM daybook.audit WHERE tenant_id = {tenant:String} LIMIT 10" --json`,
    )
    .action((query: string | undefined, options: SqlOptions) => ask(context, query, options))
}

function addParam(text: string, known: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw usageError(`--param ${text}`, 'is not name=value')
  return { ...known, [text.slice(0, at)]: text.slice(at + 1) }
}

async function ask(context: CommandContext, query: string | undefined, options: SqlOptions): Promise<void> {
  const statement = query ?? (options.file === undefined ? await text(context.stdin) : read(options.file))
  if (statement.trim() === '') throw usageError('the statement', 'is empty')
  const { clickhouseUrl, clickhouseUser, clickhousePassword } = settingsOf(context.env, NEEDS.clickhouse)
  const url = new URL(clickhouseUrl)
  url.searchParams.set('default_format', options.json === true ? 'JSONEachRow' : formatOf(context, options))
  for (const [name, value] of Object.entries(options.param)) url.searchParams.set(`param_${name}`, value)
  const request = {
    method: 'POST',
    body: statement,
    headers: { 'x-clickhouse-user': clickhouseUser, 'x-clickhouse-key': clickhousePassword ?? '' },
    signal: context.signal,
  }
  const answer = await fetch(url, request).catch((cause: unknown) => {
    throw unavailable(clickhouseUrl, cause)
  })
  if (!answer.ok)
    throw refused((await answer.text()).trim(), answer.headers.get('x-clickhouse-exception-code'))
  try {
    for await (const chunk of answer.body ?? []) if (!(await write(context.stdout, chunk))) return
  } catch (cause) {
    throw brokenOff(cause)
  }
}

function formatOf({ stdout }: CommandContext, { format }: SqlOptions): string {
  const isTerminal = 'isTTY' in stdout && stdout.isTTY === true
  return format ?? (isTerminal ? 'PrettyCompactMonoBlock' : 'TSVWithNames')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw usageError(`--file ${file}`, 'cannot be read')
  }
}

function unavailable(url: string, cause: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_UNAVAILABLE',
    `ClickHouse at ${url} does not answer. Check DAYBOOK_CLICKHOUSE_URL and that it is up.`,
    { retryable: true, cause },
  )
}

/** ClickHouse's own words: here the user asked, so they are for the user. */
function refused(message: string, code: string | null): DaybookError {
  return new DaybookError('DAYBOOK_SQL_REFUSED', `ClickHouse refused the statement: ${message}`, {
    details: { code },
  })
}

/** ClickHouse answers before it knows that it can finish; then it breaks the connection. */
function brokenOff(cause: unknown): DaybookError {
  return new DaybookError(
    'DAYBOOK_SQL_BROKEN_OFF',
    'The answer broke off: ClickHouse failed in the middle of it, or the connection was lost. What was written is incomplete; its reason stands in system.query_log and in its server log.',
    { cause },
  )
}
