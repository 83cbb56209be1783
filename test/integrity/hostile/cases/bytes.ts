import { gzipSync } from 'node:zlib'
import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import type { HostileCase } from '../hostile-case.ts'

/** Record batches as no usual client writes them, but as brokers take them. */
export const BYTE_CASES: readonly HostileCase[] = [
  {
    name: 'gzip with bytes after the stream',
    cells: ['producer/record batches/stop', 'producer/record batches/delay'],
    inTest: true,
    run: async ({ sendBatch, validEvent }) => {
      const body = gzipSync(rawRecord({ delta: 0, value: validEvent() }))
      await sendBatch(rawBatch({ body: Buffer.concat([body, Buffer.alloc(16, 0x55)]), codec: 1, count: 1 }))
    },
  },
  {
    name: 'a batch whose bytes are no gzip',
    cells: ['producer/record batches/stop', 'producer/record batches/hide'],
    inTest: true,
    run: async ({ sendBatch, metric, until }) => {
      await sendBatch(rawBatch({ body: Buffer.from('this is no gzip at all'), codec: 1, count: 3 }))
      await until(
        'it is quarantined',
        async () => (await metric('hot', 'daybook_quarantined_records_total')) > 0,
      )
    },
  },
]
