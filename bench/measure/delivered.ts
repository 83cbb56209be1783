import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 250
const STALL_MS = 60_000

/** Resolves when a worker has delivered so many records, by its own count. @throws when nothing has come for a minute */
export async function untilDelivered(port: number, records: number): Promise<void> {
  let seen = 0
  let movedAt = performance.now()
  for (;;) {
    const count = await workerMetric(port, 'daybook_delivered_records_total')
    if (count >= records) return
    const now = performance.now()
    if (count > seen) movedAt = now
    else if (now - movedAt > STALL_MS)
      throw new Error(`no progress in ${STALL_MS} ms: ${count} of ${records}`)
    seen = count
    await sleep(POLL_MS)
  }
}

/** A metric of a worker, the sum over all labels; 0 while its server does not answer yet. */
export async function workerMetric(port: number, name: string): Promise<number> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  )
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
