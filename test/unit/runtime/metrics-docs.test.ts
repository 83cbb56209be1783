import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { METRICS, type MetricDefinition } from '../../../runtime/metric-list.ts'

const INTRODUCTION =
  'What `/metrics` of every worker shows, in the text format of Prometheus. Names end in their unit; counters count ' +
  'from the start of the process.'

const rows = Object.entries<MetricDefinition>(METRICS).map(
  ([name, { kind, unit, labels, help, isRare, only }]) =>
    `| \`${name}\` | ${kind} | ${unit} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${only ?? 'both'} | ${help}${isRare ? ' Absent until it first happens.' : ''} |`,
)

/** After a change of the list: `npx vitest run test/unit/runtime/metrics-docs.test.ts --update`. */
it('docs/metrics.md shows the metrics as the code has them', async () => {
  const table = [
    '| metric | kind | unit | labels | worker | meaning |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
  await expect(`# Metrics\n\n${INTRODUCTION}\n\n${table}\n`).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url)),
  )
})
