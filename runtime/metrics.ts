import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  METRICS,
  type MetricDefinition,
  type MetricName,
} from './metric-list.ts'

/** The metrics of one process, as Prometheus reads them (text exposition format 0.0.4). */
export interface Metrics {
  /** Adds to a counter; `by` is never negative. */
  add<N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number): void
  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void
  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void
  /** Forgets all series with these labels, such as those of a partition that went to another worker. */
  forget(labels: Readonly<Record<string, string | number>>): void
  /** `collect` is called before each exposition, to sample values that change by themselves (memory, CPU time). */
  onScrape(collect: () => void): void
  expose(): string
}

interface Series {
  readonly labels: Readonly<Record<string, string | number>>
  value: number
  /** Of histograms: how many observations are at or below each bound. */
  readonly counts: number[]
  count: number
}

export function createMetrics(): Metrics {
  const families = new Map<MetricName, Map<string, Series>>()
  const collectors: (() => void)[] = []
  const series = (name: MetricName, labels: Readonly<Record<string, string | number>>): Series => {
    const family = families.get(name) ?? new Map<string, Series>()
    families.set(name, family)
    const definition: MetricDefinition = METRICS[name]
    const key = definition.labels.map((label) => labels[label]).join('\u0000')
    const known = family.get(key)
    if (known !== undefined) return known
    const made = { labels, value: 0, counts: (definition.buckets ?? []).map(() => 0), count: 0 }
    family.set(key, made)
    return made
  }
  return {
    add: (name, labels, by = 1) => {
      series(name, labels).value += Math.max(0, by)
    },
    set: (name, labels, value) => {
      series(name, labels).value = value
    },
    observe: (name, labels, value) => observe(METRICS[name], series(name, labels), value),
    forget: (labels) => {
      for (const family of families.values()) {
        for (const [key, { labels: own }] of family) if (matches(own, labels)) family.delete(key)
      }
    },
    onScrape: (collect) => {
      collectors.push(collect)
    },
    expose: () => {
      for (const collect of collectors) collect()
      return [...families].map(([name, family]) => exposeFamily(name, [...family.values()])).join('')
    },
  }
}

function observe({ buckets = [] }: MetricDefinition, series: Series, value: number): void {
  series.value += value
  series.count += 1
  for (const [at, bound] of buckets.entries()) {
    if (value <= bound) series.counts[at] = (series.counts[at] ?? 0) + 1
  }
}

function matches(
  own: Readonly<Record<string, string | number>>,
  wanted: Readonly<Record<string, string | number>>,
): boolean {
  return Object.entries(wanted).every(([label, value]) => String(own[label]) === String(value))
}

function exposeFamily(name: MetricName, all: readonly Series[]): string {
  const definition: MetricDefinition = METRICS[name]
  const lines = [`# HELP ${name} ${definition.help}`, `# TYPE ${name} ${definition.kind}`]
  for (const one of all) {
    if (definition.kind === 'histogram') lines.push(...histogramLines(name, definition, one))
    else lines.push(`${name}${labelText(one.labels)} ${one.value}`)
  }
  return `${lines.join('\n')}\n`
}

function histogramLines(name: string, { buckets = [] }: MetricDefinition, one: Series): string[] {
  const bounded = buckets.map(
    (bound, at) => `${name}_bucket${labelText({ ...one.labels, le: bound })} ${one.counts[at] ?? 0}`,
  )
  return [
    ...bounded,
    `${name}_bucket${labelText({ ...one.labels, le: '+Inf' })} ${one.count}`,
    `${name}_sum${labelText(one.labels)} ${one.value}`,
    `${name}_count${labelText(one.labels)} ${one.count}`,
  ]
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

function labelText(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(
    ([label, value]) => `${label}="${String(value).replace(/[\\"\n]/g, (found) => ESCAPES[found] ?? found)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
