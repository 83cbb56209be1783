import { randomUUID } from 'node:crypto'
import { freePort } from '../../infra/local/ports.ts'
import { supervise } from '../../infra/local/supervise.ts'
import type { WorkerLaunch } from '../../infra/local/worker-launch.ts'
import { initArchiveOf } from '../../operations/archive-init.ts'
import { createBucket } from '../../operations/create-bucket.ts'
import { ensureSigningKey } from '../../operations/signing-key.ts'
import type { HotTable } from '../hot/table.ts'
import type { BenchStack } from '../measure/bench-stack.ts'
import { cpuMicrosOf } from '../measure/cpu.ts'
import { untilDelivered } from '../measure/delivered.ts'

export interface Version {
  readonly name: 'before' | 'now'
  /** The worker's main module. */
  readonly main: string
  readonly launch: WorkerLaunch
}

/** Lets a version's worker deliver the topic from its beginning; CPU microseconds of its process an event, its start included. */
export type Measure = (version: Version) => Promise<number>

/** Archive objects are closed by rows; what is left at the end is closed by age. */
const CUT_AGE_MS = 3_000

/** Into emptied tables. */
export function hotMeasure(stack: BenchStack, table: HotTable, events: number): Measure {
  return async (version) => {
    await table.empty()
    return run(stack, version, stack.env, events)
  }
}

/** Into a bucket of its own. */
export function coldMeasure(stack: BenchStack, events: number): Measure {
  return async (version) => {
    const bucket = `bench-${randomUUID()}`
    await createBucket(stack.stack.endpoints.s3, bucket)
    const key = ensureSigningKey(stack.dataDir)
    const env = { ...stack.env, DAYBOOK_S3_BUCKET: bucket, DAYBOOK_SIGNING_KEY_FILE: key }
    await initArchiveOf(env, 'benchmark')
    return run(stack, version, { ...env, DAYBOOK_CUT_AGE_MS: String(CUT_AGE_MS) }, events)
  }
}

async function run(
  { dataDir, stack }: BenchStack,
  { name, main, launch }: Version,
  env: Readonly<Record<string, string | undefined>>,
  events: number,
): Promise<number> {
  const port = await freePort()
  const worker = await supervise({
    name: `worker ${name}`,
    command: process.execPath,
    args: [...launch.nodeFlags, main],
    env: {
      ...launch.env,
      ...env,
      DAYBOOK_HTTP_PORT: String(port),
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'],
    },
    cwd: dataDir,
    logFile: `${stack.logDir}/${name}.log`,
    graceSeconds: 30,
  })
  try {
    const delivered = untilDelivered(port, events)
    const ended = worker.exited.then((status): never => {
      throw new Error(`the worker ${name} ended with status ${status}`)
    })
    await Promise.race([delivered, ended])
    return cpuMicrosOf(worker.pid) / events
  } finally {
    await worker.stop()
  }
}
