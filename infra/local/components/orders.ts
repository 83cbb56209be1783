import { fileURLToPath } from 'node:url'
import type { Endpoints } from '../../../operations/endpoints.ts'
import { run } from '../artifacts/run.ts'
import { type Component, component } from './component.ts'

const EXAMPLE = fileURLToPath(new URL('../../../examples/orders/', import.meta.url))
const STOP_SECONDS = 20

export interface OrdersOptions {
  readonly endpoints: Endpoints
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
}

/** The example service, with the packed SDK. `stop` sends what it has spooled. */
export function ordersComponent({ endpoints, port, dataDir, logFile }: OrdersOptions): Component {
  return component({
    name: 'orders',
    command: process.execPath,
    args: ['--disable-warning=TimeoutNegativeWarning', `${EXAMPLE}src/main.ts`],
    env: {
      ...process.env,
      KAFKA_BROKERS: endpoints.kafka.brokers.join(','),
      REGISTRY_URL: endpoints.registry.url,
      SPOOL_DIR: `${dataDir}/spool`,
      PORT: String(port),
    },
    cwd: dataDir,
    logFile,
    graceSeconds: STOP_SECONDS,
    probe: () => readOrders(port),
  })
}

/** What the service says of its own audit log. */
export interface OrdersStatus {
  readonly producerId: string
  /** Events so far, the SDK's own among them. */
  readonly emitted: number
}

export async function readOrders(port: number): Promise<OrdersStatus> {
  const answer = await fetch(`http://127.0.0.1:${port}/health`)
  const body: OrdersStatus = JSON.parse(await answer.text())
  return body
}

/** Drives the service over HTTP, as its users would. Returns how many requests were answered. */
export async function driveOrders(port: number, rounds: number, signal: AbortSignal): Promise<number> {
  const output = await run({
    command: process.execPath,
    args: [`${EXAMPLE}src/drive.ts`, `http://127.0.0.1:${port}`, String(rounds)],
    remedy: "The example's log says why it did not answer.",
    signal,
  })
  return Number(output)
}
