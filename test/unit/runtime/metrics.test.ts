import { describe, expect, it } from 'vitest'
import { METRICS, type MetricDefinition } from '../../../runtime/metric-list.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import { observeProcess } from '../../../runtime/process-metrics.ts'

describe('metrics', () => {
  it('are exposed as Prometheus reads them', () => {
    const metrics = createMetrics()
    metrics.add('daybook_fetched_records_total', { topic: 'a', partition: 1 }, 3)
    metrics.add('daybook_fetched_records_total', { topic: 'a', partition: 1 })
    metrics.set('daybook_lag_offsets', { topic: 'x"\\\n', partition: 0 }, 7)
    expect(metrics.expose()).toBe(
      '# HELP daybook_fetched_records_total Records taken from Kafka.\n' +
        '# TYPE daybook_fetched_records_total counter\n' +
        'daybook_fetched_records_total{topic="a",partition="1"} 4\n' +
        '# HELP daybook_lag_offsets Offsets in the log that the store does not hold.\n' +
        '# TYPE daybook_lag_offsets gauge\n' +
        'daybook_lag_offsets{topic="x\\"\\\\\\n",partition="0"} 7\n',
    )
  })

  it('count observations into cumulative buckets', () => {
    const metrics = createMetrics()
    for (const rows of [1, 5, 600_000]) metrics.observe('daybook_delivery_rows', {}, rows)
    const text = metrics.expose()
    expect(text).toContain('daybook_delivery_rows_bucket{le="1"} 1\n')
    expect(text).toContain('daybook_delivery_rows_bucket{le="10"} 2\n')
    expect(text).toContain('daybook_delivery_rows_bucket{le="500000"} 2\n')
    expect(text).toContain('daybook_delivery_rows_bucket{le="+Inf"} 3\n')
    expect(text).toContain('daybook_delivery_rows_sum 600006\ndaybook_delivery_rows_count 3\n')
  })

  it('forget a partition that went away, and never let a counter fall', () => {
    const metrics = createMetrics()
    metrics.set('daybook_lag_offsets', { topic: 'a', partition: 1 }, 7)
    metrics.set('daybook_lag_offsets', { topic: 'a', partition: 2 }, 8)
    metrics.forget({ topic: 'a', partition: 1 })
    metrics.add('daybook_fenced_total', {}, 2)
    metrics.add('daybook_fenced_total', {}, -1)
    expect(metrics.expose()).not.toContain('partition="1"')
    expect(metrics.expose()).toContain('partition="2"')
    expect(metrics.expose()).toContain('daybook_fenced_total 2\n')
  })

  it('of the process are read at each scrape', () => {
    const metrics = createMetrics()
    observeProcess(metrics, 'hot', '1.2.3')
    expect(metrics.expose()).toMatch(/daybook_process_resident_bytes \d{7,}/)
    expect(metrics.expose()).toContain('daybook_build_info{service="hot",version="1.2.3"} 1')
  })

  it('have names that end as their kind and unit demand', () => {
    for (const [name, { kind, unit, help, buckets }] of Object.entries<MetricDefinition>(METRICS)) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter')
      expect(help, name).toMatch(/\.$/)
      expect(buckets !== undefined, name).toBe(kind === 'histogram')
      if (['seconds', 'bytes', 'milliseconds'].includes(unit)) expect(name).toContain(`_${unit}`)
    }
  })
})
