/** What a worker says of itself over its endpoints. */

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Null while the worker does not answer. */
type Metrics = ((name: string) => readonly Sample[]) | null

const ANSWER_MS = 5_000

/**
 * Whether a worker has taken in so many records, by its own metrics, or all there are: one that was started again has
 * begun to count anew. False while it does not answer.
 */
export async function hasFetched(port: number, records: number): Promise<boolean> {
  const metrics = await metricsOf(port)
  if (metrics === null) return false
  const sum = (name: string) => metrics(name).reduce((total, { value }) => total + value, 0)
  if (sum('daybook_fetched_records_total') >= records) return true
  const lags = metrics('daybook_lag_offsets')
  const assigned = sum('daybook_assigned_partitions')
  return assigned > 0 && lags.length >= assigned && lags.every(({ value }) => value === 0)
}

/** The partitions of a topic that stand still in a worker, and by which code: `audit.events.standard/0 by DAYBOOK_…`. */
export async function stoppedPartitions(port: number, topic: string): Promise<readonly string[]> {
  const samples = (await metricsOf(port))?.('daybook_partition_stopped') ?? []
  return samples
    .filter(({ labels, value }) => labels['topic'] === topic && value === 1)
    .map(({ labels }) => `${topic}/${labels['partition']} by ${labels['code']}`)
}

/** Why a worker is not ready; empty where it is. */
export async function unreadiness(port: number): Promise<string> {
  const answer = await ask(port, '/readyz')
  if (answer === null) return 'it does not answer'
  const { failing }: { failing: readonly { reason: string }[] } = JSON.parse(answer)
  return failing.map(({ reason }) => reason).join('; ')
}

async function metricsOf(port: number): Promise<Metrics> {
  const text = await ask(port, '/metrics')
  if (text === null) return null
  const lines = text.split('\n')
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => ({ labels: labelsIn(line), value: Number(line.slice(line.lastIndexOf(' ') + 1)) }))
}

function labelsIn(line: string): Sample['labels'] {
  return Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
}

async function ask(port: number, path: string): Promise<string | null> {
  const signal = AbortSignal.timeout(ANSWER_MS)
  return fetch(`http://127.0.0.1:${port}${path}`, { signal }).then(
    (answer) => answer.text(),
    () => null,
  )
}
