import type { WorkerKind } from '../faults/plan.ts'
import type { Attack } from './hostile-case.ts'

const BOTH: readonly WorkerKind[] = ['hot', 'cold']

/** Resolves when each of the events is shown once. */
export async function shown(attack: Attack, ids: readonly string[], timeoutMs?: number): Promise<void> {
  const list = ids.map((id) => `'${id}'`).join(',')
  const query = `SELECT count() AS n, uniqExact(event_id) AS u FROM daybook.audit WHERE event_id IN (${list})`
  await attack.until(
    `${ids.length} events show`,
    async () => {
      const [row] = await attack.sql<{ n: string; u: string }>(query)
      if (Number(row?.n) > ids.length) throw new Error(`${row?.n} rows show for ${ids.length} events`)
      return Number(row?.u) === ids.length
    },
    timeoutMs,
  )
}

/** Runs `attempt`, then resolves when the hot worker has quarantined `count` more records for this reason. */
export async function quarantinedBy(
  attack: Attack,
  code: string,
  count: number,
  attempt: () => Promise<unknown>,
): Promise<void> {
  const labels = { topic: attack.target.topic }
  const of = () => attack.metric('hot', 'daybook_quarantined_records_total', { ...labels, code })
  const all = () => attack.metric('hot', 'daybook_quarantined_records_total', labels)
  const [before, allBefore] = [await of(), await all()]
  await attempt()
  try {
    await attack.until('', async () => (await of()) === before + count)
  } catch {
    const { text } = await attack.readyz('hot')
    throw new Error(
      `${count} records should be quarantined as ${code}; as that: ${(await of()) - before}, in all: ${(await all()) - allBefore} (${await attack.metricLines('hot', /^daybook_quarantined_records/)}); readyz: ${text}`,
    )
  }
}

/** Resolves when workers say that the topic is concerned by `code`: in the metric and, with its name, in readyz. */
export async function concernShown(
  attack: Attack,
  code: string,
  over: { readonly topic?: string; readonly text?: string; readonly kinds?: readonly WorkerKind[] } = {},
): Promise<void> {
  const topic = over.topic ?? attack.target.topic
  for (const kind of over.kinds ?? BOTH) {
    const has = () => attack.metric(kind, 'daybook_topic_concern', { topic, code })
    await attack.until(
      `the ${kind} worker has a concern ${code} about ${topic}`,
      async () => (await has()) === 1,
    )
    const { status, text } = await attack.readyz(kind)
    const wanted = [topic, over.text ?? code]
    if (status !== 503 || wanted.some((part) => !text.includes(part)))
      throw new Error(
        `readyz of the ${kind} worker should be 503 and name ${wanted.join(' and ')}: ${status} ${text}`,
      )
  }
}

/** Resolves when no worker says that anything is wrong: a cause that is gone heals by itself within a minute. */
export async function healed(
  attack: Attack,
  kinds: readonly WorkerKind[] = BOTH,
  timeoutMs = 75_000,
): Promise<void> {
  for (const kind of kinds) {
    let last = ''
    try {
      await attack.until(
        '',
        async () => {
          const { status, text } = await attack.readyz(kind)
          const concerns = await attack.metric(kind, 'daybook_topic_concern')
          const stopped = await attack.metric(kind, 'daybook_partition_stopped')
          last = `readyz ${status} ${text}, metrics: ${await attack.metricLines(kind, /^daybook_(topic_concern|partition_stopped)/)}`
          return status === 200 && concerns === 0 && stopped === 0
        },
        timeoutMs,
      )
    } catch {
      throw new Error(`the ${kind} worker does not heal within ${timeoutMs} ms: ${last}`)
    }
  }
}

/** Resolves when the partition is stopped by `code`, as the metric and readyz tell. */
export async function stoppedBy(
  attack: Attack,
  kind: WorkerKind,
  code: string,
  partition = attack.target.partition,
): Promise<void> {
  const { topic } = attack.target
  try {
    await attack.until(
      '',
      async () =>
        (await attack.metric(kind, 'daybook_partition_stopped', {
          topic,
          partition: String(partition),
          code,
        })) === 1,
    )
  } catch {
    const { text } = await attack.readyz(kind)
    throw new Error(
      `${topic}/${partition} should be stopped by ${code} in the ${kind} worker; readyz: ${text}`,
    )
  }
  const { status, text } = await attack.readyz(kind)
  if (status !== 503 || !text.includes(code))
    throw new Error(`readyz of the ${kind} worker should be 503 and name ${code}: ${status} ${text}`)
  const alive = await attack.healthz(kind)
  if (alive.status !== 200)
    throw new Error(`the ${kind} worker should be alive: ${alive.status} ${alive.text}`)
}
