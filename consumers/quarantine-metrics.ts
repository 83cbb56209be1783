import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { QuarantineObserver } from './kafka/quarantine/quarantine-writer.ts'

/** Tells operators what goes to quarantine: numbers always, an error where bad input exceeds what is kept whole. */
export function createQuarantineMetrics(o: {
  readonly metrics: Metrics
  readonly log: Log
}): QuarantineObserver {
  return {
    written: ({ topic, partition }, { bytes, references, batches, records }) => {
      o.metrics.add('daybook_quarantine_bytes_total', { topic }, bytes)
      if (references > 0) o.metrics.add('daybook_quarantine_references_total', { topic }, references)
      o.log.debug(
        { partition: `${topic}/${partition}`, batches, alone: records, bytes, references },
        'quarantined',
      )
    },
    overBudget: ({ topic, partition }, budgetBytes) => {
      o.log.error(
        { partition: `${topic}/${partition}`, budgetBytes },
        'more bad input than the quarantine keeps whole (DAYBOOK_QUARANTINE_BUDGET_BYTES): until the hour is over only place, hash and first bytes of each batch are kept, and the archive holds the records',
      )
    },
  }
}
