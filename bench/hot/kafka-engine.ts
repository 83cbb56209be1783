import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Arena, Contestant, Run } from './contest.ts'
import { CHOSEN, type KafkaEngineSettings } from './kafka-engine-settings.ts'

/** The native peer, as well set as we found out. */
export const kafkaEngine: Contestant = kafkaEngineWith(CHOSEN)

export function kafkaEngineWith(settings: KafkaEngineSettings): Contestant {
  return { name: 'kafkaEngine', run: (arena) => runKafkaEngine(settings, arena) }
}

async function runKafkaEngine(settings: KafkaEngineSettings, arena: Arena): Promise<Run> {
  const { table, events } = arena
  const statements = statementsOf(settings, arena)
  const view = statements.pop()
  for (const sql of statements) await table.command(sql)
  try {
    const engineBefore = table.engineCpuMicros()
    const startedAt = performance.now()
    if (view !== undefined) await table.command(view)
    await table.until(events)
    const seconds = (performance.now() - startedAt) / 1_000
    const engineCpuMicros = table.engineCpuMicros() - engineBefore
    return { seconds, secondsAfterStart: seconds, workerCpuMicros: 0, engineCpuMicros }
  } finally {
    await table.command('DROP TABLE IF EXISTS daybook.peer_view SYNC')
    await table.command('DROP TABLE IF EXISTS daybook.peer_queue SYNC')
  }
}

/** kafka-engine.sql with its keys filled in: the queue, and the view that sets it going. */
function statementsOf(settings: KafkaEngineSettings, { stack }: Arena): string[] {
  const { kafka, registry } = stack.stack.endpoints
  const values: Readonly<Record<string, string | number>> = {
    ...settings,
    brokers: kafka.brokers.join(','),
    registry: registry.url,
    topic: stack.topic,
    topicId: stack.partitions[0]?.topicId ?? '',
    group: `kafka-engine-${randomUUID()}`,
    schemaId: stack.schemaId,
  }
  return readFileSync(new URL('kafka-engine.sql', import.meta.url), 'utf8')
    .replace(/\{(\w+)\}/g, (_, key: string) => String(values[key]))
    .split(/;$/m)
    .filter((sql) => sql.trim() !== '')
}
