import type { Clock } from '../../../runtime/clock.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { faultNumber } from '../clickhouse/fault.ts'
import { quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'

/** How long the table of events keeps a row. Read from the table, for that is where operators change it. */
export interface TableLifetime {
  /**
   * Rows received before this time are dropped by the table at its next merge; -Infinity where it keeps all.
   * Milliseconds since the Unix epoch, by this process's clock; at most a minute too late, never too early.
   * @throws DaybookError DAYBOOK_HOT_TTL_UNSUPPORTED, or as `HotStore` does
   */
  oldestKept(signal: AbortSignal): Promise<number>
}

/** How long an answer counts. */
const CURRENT_MS = 30_000
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** A table that keeps rows for longer than these (54 years) is taken to keep them for ever. */
const DAYS = 20_000
const UNKNOWN_IDENTIFIER = 47

export function createTableLifetime({
  store,
  clock,
}: {
  readonly store: HotStore
  readonly clock: Clock
}): TableLifetime {
  let known = { at: Number.NEGATIVE_INFINITY, oldestKept: Number.NEGATIVE_INFINITY }
  return {
    oldestKept: async (signal) => {
      const now = clock.now()
      const age = now - known.at
      if (age < 0 || age >= CURRENT_MS) known = { at: now, oldestKept: await ask(store, now, signal) }
      return known.oldestKept + (now - known.at)
    },
  }
}

async function ask(store: HotStore, now: number, signal: AbortSignal): Promise<number> {
  // A cluster that shards keeps the rows in `events_local`.
  const tables = await store.rows<{ ddl: string }>(
    `SELECT create_table_query AS ddl FROM system.tables WHERE database = ${quote(store.database)} AND name IN ('events', 'events_local')`,
    { signal },
  )
  const expressions = tables.flatMap(({ ddl }) => deleteExpressions(ddl))
  if (expressions.length === 0) return Number.NEGATIVE_INFINITY
  try {
    const day = await newestDropped(
      store,
      expressions,
      { from: now + DAY_MS, stepMs: DAY_MS, steps: DAYS },
      signal,
    )
    if (day === null) return Number.NEGATIVE_INFINITY
    const within = { from: day + DAY_MS, stepMs: MINUTE_MS, steps: DAY_MS / MINUTE_MS + 1 }
    return ((await newestDropped(store, expressions, within, signal)) ?? day) + MINUTE_MS
  } catch (error) {
    throw faultNumber(error) === UNKNOWN_IDENTIFIER
      ? unsupported('names another column than _received_at')
      : error
  }
}

interface Times {
  readonly from: number
  readonly stepMs: number
  readonly steps: number
}

/** The latest of these times at which a row must have been received to be dropped now; the server computes it. */
async function newestDropped(
  store: HotStore,
  expressions: readonly string[],
  { from, stepMs, steps }: Times,
  signal: AbortSignal,
): Promise<number | null> {
  const times = `SELECT fromUnixTimestamp64Milli(toInt64(${Math.floor(from)} - number * ${stepMs}), 'UTC') AS _received_at FROM numbers(${steps})`
  const isDropped = expressions
    .map((text) => `toUnixTimestamp(${text}) <= toUnixTimestamp(now())`)
    .join(' OR ')
  const [row] = await store.rows<{ t: string; n: string }>(
    `SELECT toString(max(toUnixTimestamp64Milli(_received_at))) AS t, toString(count()) AS n FROM (${times}) WHERE ${isDropped}`,
    { signal },
  )
  return row === undefined || row.n === '0' ? null : Number(row.t)
}

/**
 * When rows are deleted, of a table's DDL as ClickHouse formats it: the expressions of its TTL that move or compress
 * nothing.
 * @throws DaybookError DAYBOOK_HOT_TTL_UNSUPPORTED where some rows go earlier than others of their age
 */
export function deleteExpressions(ddl: string): readonly string[] {
  const plain = outsideParentheses(ddl)
  const clause = /\sTTL\s(.*?)(?:\sSETTINGS\s.*|\sCOMMENT\s.*)?$/s.exec(plain)
  if (clause?.[1] === undefined) return []
  const start = clause.index + clause[0].indexOf(clause[1], 4)
  const expressions: string[] = []
  let at = start
  for (const element of clause[1].split(',')) {
    const action = /\s(TO DISK|TO VOLUME|RECOMPRESS|DELETE WHERE|DELETE|WHERE|GROUP BY)\b/.exec(element)
    const kind = action?.[1] ?? 'DELETE'
    if (kind === 'DELETE') expressions.push(ddl.slice(at, at + (action?.index ?? element.length)).trim())
    else if (kind.endsWith('WHERE') || kind === 'GROUP BY') throw unsupported(`has ${kind}`)
    at += element.length + 1
  }
  return expressions
}

/** The same text with every character in parentheses or quotes made a dot. */
function outsideParentheses(text: string): string {
  let depth = 0
  let plain = ''
  for (const [token] of text.matchAll(/'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[()]|[^'`()]+/gs)) {
    if (token === ')') depth--
    plain += depth > 0 || token.startsWith("'") || token.startsWith('`') ? '.'.repeat(token.length) : token
    if (token === '(') depth++
  }
  return plain
}

function unsupported(what: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_TTL_UNSUPPORTED',
    `The TTL of the table events ${what}, so that the worker cannot tell which rows it would drop at once. Give the table one that goes by _received_at alone.`,
  )
}
