import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { METRICS, type MetricDefinition } from '../../../runtime/metric-list.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface RuleTests {
  readonly tests: readonly {
    readonly input_series: readonly { readonly series: string }[]
    readonly alert_rule_test: readonly {
      readonly alertname: string
      readonly exp_alerts: readonly unknown[]
    }[]
  }[]
}

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')
const rules: readonly Rule[] = parse(read('infra/prometheus/daybook.rules.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
)
const { tests }: RuleTests = parse(read('infra/prometheus/daybook.rules.test.yml'))
const runbook = read('docs/operate.md')
const metrics = new Map<string, MetricDefinition>(Object.entries(METRICS))

/** What Prometheus itself adds to each series. */
const SCRAPED = ['job', 'instance']

interface Series {
  readonly name: string
  readonly metric: MetricDefinition | undefined
  readonly labels: readonly string[]
}

/** The series that an expression names, with the labels that it selects by. */
function seriesIn(text: string): Series[] {
  return [...text.matchAll(/\b(daybook_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => {
    const metric = metrics.get(name) ?? histogramOf(name)
    return {
      name,
      metric,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }
  })
}

function histogramOf(name: string): MetricDefinition | undefined {
  const metric = metrics.get(name.replace(/_(bucket|sum|count)$/, ''))
  return metric?.kind === 'histogram' ? metric : undefined
}

const labelsOf = ({ name, metric }: Series): string[] => [
  ...SCRAPED,
  ...(metric?.labels ?? []),
  ...(name.endsWith('_bucket') ? ['le'] : []),
]

/** Labels by which an expression groups or matches. */
function groupings(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g)].flatMap(
    ([, list = '']) => list.split(',').map((label) => label.trim()),
  )
}

describe.each(rules)('$alert', ({ alert, expr, labels, annotations }) => {
  const series = seriesIn(expr)

  it('asks only for metrics and labels that the workers have', () => {
    expect(series.length).toBeGreaterThan(0)
    for (const one of series) {
      expect(one.metric, one.name).toBeDefined()
      expect(labelsOf(one), one.name).toEqual(expect.arrayContaining([...one.labels]))
    }
    const known = series.flatMap(labelsOf)
    expect(known).toEqual(expect.arrayContaining(groupings(expr)))
  })

  it('says something of labels that it has, has a severity, and is in the runbook', () => {
    const named = [...(annotations['summary']?.matchAll(/\$labels\.(\w+)/g) ?? [])].map(
      ([, label = '']) => label,
    )
    expect(series.flatMap(labelsOf)).toEqual(expect.arrayContaining(named))
    expect(['critical', 'warning', 'info']).toContain(labels['severity'])
    expect(annotations['runbook']).toBe(`docs/operate.md#${alert.toLowerCase()}`)
    expect(runbook).toMatch(new RegExp(`^### ${alert}$`, 'm'))
  })

  it('has a test that sees it fire', () => {
    const own = tests.flatMap((test) => test.alert_rule_test).filter((one) => one.alertname === alert)
    expect(own.some((one) => one.exp_alerts.length > 0)).toBe(true)
  })
})

it('the tests of the rules feed series as workers expose them', () => {
  for (const { series } of tests.flatMap((test) => test.input_series)) {
    const [one] = seriesIn(series)
    expect(one?.metric, series).toBeDefined()
    if (one !== undefined) expect(labelsOf(one).toSorted(), series).toEqual([...one.labels].toSorted())
  }
})
