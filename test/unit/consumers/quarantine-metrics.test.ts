import { expect, it } from 'vitest'
import { createQuarantineMetrics } from '../../../consumers/quarantine-metrics.ts'
import { createLog } from '../../../runtime/log.ts'
import { createMetrics } from '../../../runtime/metrics.ts'

it('counts what is written and what is only referred to, and logs an error when the budget is exceeded', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const metrics = createMetrics()
  const log = createLog({ service: 'hot', version: '1', level: 'info', destination })
  const observer = createQuarantineMetrics({ metrics, log })
  const partition = { topic: 't', topicId: 'id', partition: 3 }
  observer.written(partition, { batches: 2, records: 0, bytes: 700, references: 0 })
  observer.written(partition, { batches: 5, records: 1, bytes: 300, references: 5 })
  expect(lines).toEqual([])
  observer.overBudget(partition, 1_000)
  const text = metrics.expose()
  expect(text).toContain('daybook_quarantine_bytes_total{topic="t"} 1000')
  expect(text).toContain('daybook_quarantine_references_total{topic="t"} 5')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'error', partition: 't/3', budgetBytes: 1_000 },
  ])
})
