/** Writes the committed samples; a test compares them with what the generator gives: `node bench/events/samples.ts`. */
import { writeFileSync } from 'node:fs'
import { encodeContainerBlock, encodeContainerHeader } from '../../schemas/container.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { largeEvents, smallEvents, usualEvents } from './generate.ts'

const SEED = 1
const SYNC = Buffer.alloc(16, 0xdb)

/** Payloads by file name. */
export function samples(): Readonly<Record<string, readonly Buffer[]>> {
  return {
    'small.avro': [...smallEvents({ seed: SEED, count: 20 })],
    'usual.avro': [...usualEvents({ seed: SEED, count: 20 })],
    'large.avro': [...largeEvents({ seed: SEED, count: 2 })],
  }
}

if (import.meta.main) {
  for (const [name, payloads] of Object.entries(samples())) {
    const file = Buffer.concat([
      encodeContainerHeader({ schemaJson: AUDIT_EVENT_SCHEMA_TEXT, codec: 'deflate', sync: SYNC }),
      ...encodeContainerBlock({
        count: payloads.length,
        data: Buffer.concat(payloads),
        codec: 'deflate',
        sync: SYNC,
      }),
    ])
    writeFileSync(new URL(name, import.meta.url), file)
  }
}
