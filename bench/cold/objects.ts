import { buildObject } from '../../consumers/cold/build.ts'
import { emptyTree } from '../../consumers/cold/tree-state.ts'
import { WriterSchemas } from '../../consumers/cold/writer-schemas.ts'
import type { CheckedRecord, Range } from '../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../consumers/engine/source-record.ts'
import { LeafHasher } from '../../proof/leaf.ts'
import { generateSigningKey, nodeCrypto, signerFromPem } from '../../proof/node.ts'
import type { ContainerCodec } from '../../schemas/container.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { frame, HEADER_BYTES } from '../../schemas/wire.ts'
import { usualEvents } from '../events/generate.ts'
import { spreadOf } from '../measure/stats.ts'

const EVENTS = 10_000
const OBJECTS_PER_RUN = 10
const WARM_UP_RUNS = 2
const RUNS = 5
const SCHEMA_ID = 1
const LOG = 'acme/bench/MkU3OEVBNTcwNTJENDM2Qg/audit.events.standard/5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11/0'

const CASES: readonly (readonly [ContainerCodec, number, number])[] = [
  ['zstandard', 1, 256],
  ['zstandard', 1, 512],
  ['zstandard', 1, 1024],
  ['zstandard', 3, 512],
  ['deflate', 1, 512],
  ['deflate', 6, 512],
  ['null', 0, 512],
]

const range = rangeOfUsualEvents()
const signer = signerFromPem(generateSigningKey().privatePem)
const registered = { id: SCHEMA_ID, text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }
const schemas = new WriterSchemas({ newest: registered, schemaOf: () => registered })
const hasher = new LeafHasher({ logId: LOG, sha256: nodeCrypto.sha256 })

function rangeOfUsualEvents(): Range {
  const records: CheckedRecord[] = []
  let bytes = 0
  for (const payload of usualEvents({ seed: 1, count: EVENTS })) {
    const value = frame(SCHEMA_ID, payload)
    const offset = BigInt(records.length)
    bytes += value.length
    records.push({
      record: new SourceRecord(offset, 1_795_000_000_000 + records.length, value, 6, 14, 0, value.length),
      verdict: { kind: 'event', schemaId: SCHEMA_ID, payloadStart: HEADER_BYTES },
    })
  }
  const partition = {
    topic: 'audit.events.standard',
    topicId: '5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11',
    partition: 0,
  }
  return { partition, first: 0n, last: BigInt(EVENTS - 1), records, gaps: [], bytes }
}

/** CPU time (user + system, all threads) of one event in an object, from checked records to signed bytes. */
async function measure(codec: ContainerCodec, level: number, blockKib: number) {
  const options = {
    logId: LOG,
    hasher,
    schemas,
    signer,
    crypto: nodeCrypto,
    readerVersion: 1,
    codec,
    level,
    blockBytes: blockKib * 1024,
  }
  const build = () => buildObject(range, emptyTree(0), options)
  const run = async () => {
    const before = process.cpuUsage()
    for (let i = 0; i < OBJECTS_PER_RUN; i++) await build()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / (OBJECTS_PER_RUN * EVENTS)
  }
  for (let i = 0; i < WARM_UP_RUNS; i++) await run()
  const { pieces } = await build()
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const runs: number[] = []
  while (runs.length < RUNS) runs.push(await run())
  const micros = spreadOf(runs)
  return { codec, level, blockKib, cpuMicrosPerEvent: micros, storedBytesPerEvent: bytes / EVENTS }
}

/** What building objects alone costs, by codec; neither Kafka nor the object store takes part. */
export async function measureObjects() {
  const valueBytesPerEvent = range.bytes / EVENTS
  const results = []
  for (const [codec, level, blockKib] of CASES) results.push(await measure(codec, level, blockKib))
  return { eventsInAnObject: EVENTS, valueBytesPerEvent, results }
}
