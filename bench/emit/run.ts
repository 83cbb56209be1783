import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { createAuditLog, kafka } from '../../producers/sdk/src/index.ts'
import { usualEventObjects } from '../events/generate.ts'
import { type BenchStack, withBenchStack } from '../measure/bench-stack.ts'
import { machine } from '../measure/machine.ts'
import { spreadOf } from '../measure/stats.ts'
import { emissionOf } from './inputs.ts'
import { acknowledgedRate, type EmitCost, emitCost } from './latency.ts'
import { openPeer, peerRun } from './peer.ts'

const RUNS = 5
const EVENTS = 50_000
const LATENCY_EVENTS = 20_000
const NOWHERE = '127.0.0.1:9'

const events = [...usualEventObjects({ seed: 1, count: EVENTS })]
const emissions = events.map(emissionOf)

const result = await withBenchStack(async (bench) => {
  const dir = await mkdtemp(join(tmpdir(), 'daybook-bench-emit-'))
  try {
    return await measure(bench, dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
process.stdout.write(`${JSON.stringify(result, null, process.argv.includes('--json') ? 0 : 2)}\n`)

async function measure({ stack, topic, schemaId }: BenchStack, dir: string) {
  const { brokers } = stack.endpoints.kafka
  const open = (addresses: readonly string[]) =>
    createAuditLog({
      service: { name: 'orders', version: '4.12.0', environment: 'production', region: 'eu-1' },
      spool: { dir },
      transport: kafka({ brokers: addresses, registry: stack.endpoints.registry }),
    })
  const peer = await openPeer(new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }))
  const audit = open(brokers)
  // Both once, unmeasured: code is compiled and connections stand.
  await peerRun(peer, topic, schemaId, events)
  await acknowledgedRate(audit, emissions)

  const runs = { peer: [] as number[], ours: [] as number[], peerCpu: [] as number[], cpu: [] as number[] }
  const up: EmitCost[] = []
  for (let run = 0; run < RUNS; run++) {
    runs.peerCpu.push(
      await cpuUsPerEvent(async () => runs.peer.push(await peerRun(peer, topic, schemaId, events))),
    )
    runs.cpu.push(await cpuUsPerEvent(async () => runs.ours.push(await acknowledgedRate(audit, emissions))))
    up.push(await emitCost(audit, emissions.slice(0, LATENCY_EVENTS)))
  }
  await audit.close()
  await peer.disconnect()
  const cutOff = open([NOWHERE])
  const down: EmitCost[] = []
  for (let run = 0; run < RUNS; run++) down.push(await emitCost(cutOff, emissions.slice(0, LATENCY_EVENTS)))
  await cutOff.close({ timeoutMs: 0 })
  return report(runs, { brokerUp: costs(up), brokerDown: costs(down) })
}

/** CPU time of this process, all threads: steadier than the rate on a machine that does other work. */
async function cpuUsPerEvent(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / EVENTS
}

function costs(runs: readonly EmitCost[]) {
  return {
    p50Us: spreadOf(runs.map((run) => run.p50Us)),
    p99Us: spreadOf(runs.map((run) => run.p99Us)),
    firstOfBurstP50Us: spreadOf(runs.map((run) => run.firstOfBurstP50Us)),
  }
}

type Costs = ReturnType<typeof costs>

function report(
  runs: Readonly<Record<'peer' | 'ours' | 'peerCpu' | 'cpu', readonly number[]>>,
  emitCostUs: { readonly brokerUp: Costs; readonly brokerDown: Costs },
) {
  const acknowledged = spreadOf(runs.ours)
  const byHand = spreadOf(runs.peer)
  const { brokerUp, brokerDown } = emitCostUs
  return {
    bench: 'emit',
    machine: machine(),
    events: EVENTS,
    acknowledgedPerSecond: acknowledged,
    peerPerSecond: byHand,
    cpuUsPerEvent: spreadOf(runs.cpu),
    peerCpuUsPerEvent: spreadOf(runs.peerCpu),
    ratio: acknowledged.median / byHand.median,
    emitCostUs,
    targets: {
      p50: Math.max(brokerUp.p50Us.median, brokerDown.p50Us.median) <= 15,
      p99: Math.max(brokerUp.p99Us.median, brokerDown.p99Us.median) <= 80,
      rate: acknowledged.median >= 35_000,
      ratio: acknowledged.median >= 0.8 * byHand.median,
    },
  }
}
