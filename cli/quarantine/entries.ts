import type { QuarantineEntry } from '../../consumers/kafka/quarantine/quarantine-entry.ts'
import { kafkaOf } from '../../consumers/worker.ts'
import { listQuarantine, type QuarantineTally } from '../../operations/quarantine-list.ts'
import type { Environment } from '../../runtime/config.ts'
import type { CommandContext } from '../command.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { usageError } from '../usage.ts'

export interface EntryFilter {
  readonly topic?: string
  readonly code?: string
  /** Of a batch (`topic:partition:first offset`) or of a bad record in one; none: all. */
  readonly keys: ReadonlySet<string>
}

const KEY = /^[^:]+:\d+:\d+$/

/** @throws DaybookError DAYBOOK_CLI_USAGE for what is no key. */
export function keysOf(texts: readonly string[]): ReadonlySet<string> {
  const wrong = texts.find((key) => !KEY.test(key))
  if (wrong !== undefined) throw usageError(`--key ${wrong}`, 'is not topic:partition:offset')
  return new Set(texts)
}

/** The quarantine's name of an original record, or of a batch by its first. */
export function keyOf({ partition }: Pick<QuarantineEntry, 'partition'>, offset: bigint): string {
  return `${partition.topic}:${partition.partition}:${offset}`
}

/** Those entries that hold something which the filter leaves. Bytes are views of what was fetched. */
export async function* readEntries(
  env: Environment,
  filter: EntryFilter,
  tally: QuarantineTally,
): AsyncGenerator<QuarantineEntry> {
  const settings = settingsOf(env, NEEDS.kafka)
  const topic = settings.quarantineTopic
  for await (const entry of listQuarantine({ ...kafkaOf(settings), topic, tally }))
    if (matches(entry, filter)) yield entry
}

function matches(entry: QuarantineEntry, { topic, code, keys }: EntryFilter): boolean {
  if (topic !== undefined && entry.partition.topic !== topic) return false
  if (code !== undefined && !entry.bad.codes.includes(code)) return false
  return keys.size === 0 || [...keys].some((key) => isWithin(key, entry))
}

function isWithin(key: string, entry: QuarantineEntry): boolean {
  const offset = BigInt(key.slice(key.lastIndexOf(':') + 1))
  return key === keyOf(entry, offset) && entry.first <= offset && offset <= entry.last
}

/** A batch is named by its first offset, and then all of its bad records are meant. */
export function isWanted(entry: QuarantineEntry, offset: bigint, code: string, filter: EntryFilter): boolean {
  if (filter.code !== undefined && filter.code !== code) return false
  const { keys } = filter
  return keys.size === 0 || keys.has(keyOf(entry, entry.first)) || keys.has(keyOf(entry, offset))
}

/** Tells on standard error what the topic held besides entries. */
export function reportTally({ stderr }: Pick<CommandContext, 'stderr'>, tally: QuarantineTally): void {
  if (tally.foreign > 0)
    stderr.write(`daybook: ${tally.foreign} records of the topic were written by no quarantine\n`)
  if (tally.malformed === 0) return
  stderr.write(`daybook: ${tally.malformed} records of the topic are not as a quarantine writes them\n`)
  for (const { at, fault } of tally.firstMalformed) stderr.write(`daybook:   at ${at}: ${fault}\n`)
}
