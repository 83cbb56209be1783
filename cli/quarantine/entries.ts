import type { QuarantineEntry } from '../../consumers/kafka/quarantine/quarantine-message.ts'
import { kafkaOf } from '../../consumers/worker.ts'
import { listQuarantine, type QuarantineListing } from '../../operations/quarantine-list.ts'
import type { Environment } from '../../runtime/config.ts'
import { NEEDS, settingsOf } from '../configuration.ts'
import { usageError } from '../usage.ts'

export interface EntryFilter {
  readonly topic?: string
  readonly code?: string
  /** `topic:partition:offset`; none: all. */
  readonly keys: readonly string[]
}

const KEY = /^[^:]+:\d+:\d+$/

/** The quarantine's name of an original record. */
export function keyOf({ partition, offset }: QuarantineEntry): string {
  return `${partition.topic}:${partition.partition}:${offset}`
}

export function readEntries(
  env: Environment,
  filter: EntryFilter,
  maxEntries: number,
): Promise<QuarantineListing> {
  const wrong = filter.keys.find((key) => !KEY.test(key))
  if (wrong !== undefined) throw usageError(`--key ${wrong}`, 'is not topic:partition:offset')
  const settings = settingsOf(env, NEEDS.kafka)
  const keys = new Set(filter.keys)
  return listQuarantine({
    ...kafkaOf(settings),
    topic: settings.quarantineTopic,
    maxEntries,
    matches: (entry) =>
      (filter.topic === undefined || entry.partition.topic === filter.topic) &&
      (filter.code === undefined || entry.code === filter.code) &&
      (keys.size === 0 || keys.has(keyOf(entry))),
  })
}
