import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import { createAuditLog, kafka } from '../../producers/sdk/src/index.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { testStack } from '../../test/support/stack.ts'
import { usualEventObjects } from '../events/generate.ts'
import { machine } from '../measure/machine.ts'
import { spreadOf } from '../measure/stats.ts'
import { emissionOf } from './inputs.ts'
import { acknowledgedRate, emitCost } from './latency.ts'
import { openPeer, peerRun } from './peer.ts'

const RUNS = 5
const EVENTS = 50_000
const LATENCY_EVENTS = 20_000
const NOWHERE = '127.0.0.1:9'

const { kafka: cluster, registry } = testStack()
const client = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
const admin = client.admin()
const prefix = `bench.emit.${process.pid}.`
const topic = `${prefix}standard`
const dir = await mkdtemp(join(tmpdir(), 'daybook-bench-emit-'))
const events = [...usualEventObjects({ seed: 1, count: EVENTS })]
const emissions = events.map(emissionOf)

function open(brokers: readonly string[]) {
  return createAuditLog({
    service: { name: 'orders', version: '4.12.0', environment: 'production', region: 'eu-1' },
    spool: { dir },
    transport: kafka({ brokers, registry, topicPrefix: prefix }),
  })
}

/** CPU time of this process, all threads: steadier than the rate on a machine that does other work. */
async function cpuUsPerEvent(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / EVENTS
}

await admin.connect()
await admin.createTopics({
  topics: [
    { topic, numPartitions: 4, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] },
  ],
})
const { id: schemaId } = await new SchemaRegistry({ host: registry.url }).register(
  { type: SchemaType.AVRO, schema: AUDIT_EVENT_SCHEMA_TEXT },
  { subject: `${topic}-value` },
)
const peer = await openPeer(client)
const audit = open(cluster.brokers)
await peerRun(peer, topic, schemaId, events)
await acknowledgedRate(audit, emissions)

const peerRates: number[] = []
const rates: number[] = []
const peerCpu: number[] = []
const cpu: number[] = []
for (let run = 0; run < RUNS; run++) {
  peerCpu.push(await cpuUsPerEvent(async () => peerRates.push(await peerRun(peer, topic, schemaId, events))))
  cpu.push(await cpuUsPerEvent(async () => rates.push(await acknowledgedRate(audit, emissions))))
}
const brokerUp = await emitCost(audit, emissions.slice(0, LATENCY_EVENTS))
await audit.close()
const cutOff = open([NOWHERE])
const brokerDown = await emitCost(cutOff, emissions.slice(0, LATENCY_EVENTS))
await cutOff.close({ timeoutMs: 0 })

const acknowledged = spreadOf(rates)
const byHand = spreadOf(peerRates)
const result = {
  bench: 'emit',
  machine: machine(),
  events: EVENTS,
  acknowledgedPerSecond: acknowledged,
  peerPerSecond: byHand,
  cpuUsPerEvent: spreadOf(cpu),
  peerCpuUsPerEvent: spreadOf(peerCpu),
  ratio: acknowledged.median / byHand.median,
  emitCostUs: { brokerUp, brokerDown },
  targets: {
    p50: Math.max(brokerUp.p50Us, brokerDown.p50Us) <= 15,
    p99: Math.max(brokerUp.p99Us, brokerDown.p99Us) <= 80,
    rate: acknowledged.median >= 35_000,
    ratio: acknowledged.median >= 0.8 * byHand.median,
  },
}
process.stdout.write(`${JSON.stringify(result, null, process.argv.includes('--json') ? 0 : 2)}\n`)

await peer.disconnect()
await admin.deleteTopics({ topics: [topic] })
await admin.disconnect()
await rm(dir, { recursive: true, force: true })
