import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { silentLog } from '../../../infra/local/log.ts'
import { freePorts } from '../../../infra/local/ports.ts'
import { type Stack, startStack } from '../../../infra/local/stack.ts'
import { migrateHotStore } from '../../../operations/event-schema.ts'
import { ensureSigningKey } from '../../../operations/signing-key.ts'
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts'
import type { WorkerKind } from './plan.ts'

/** One warm stack of real servers; every worker and producer reaches them through proxies that can break the line. */
export interface World {
  readonly stack: Stack
  /** For the harness itself: no proxy between. */
  readonly kafka: Kafka
  readonly proxies: {
    readonly kafka: Readonly<Record<WorkerKind | 'producer', TcpProxy>>
    readonly clickhouse: TcpProxy
    readonly s3: TcpProxy
    readonly registry: TcpProxy
  }
  readonly directory: string
  /** Where the broker keeps its partitions. */
  readonly kafkaLogDir: string
  readonly signingKeyFile: string
  close(): Promise<void>
}

export async function startWorld(directory: string): Promise<World> {
  mkdirSync(directory, { recursive: true })
  const [hotPort = 0, coldPort = 0, producerPort = 0] = await freePorts(3)
  const kafkaProxies = {
    hot: await proxyTo(hotPort),
    cold: await proxyTo(coldPort),
    producer: await proxyTo(producerPort),
  }
  const stack = await startStack({
    dataDir: join(directory, 'stack'),
    ports: 'free',
    log: silentLog,
    kafkaRelayed: [
      { port: hotPort, advertisedPort: kafkaProxies.hot.port },
      { port: coldPort, advertisedPort: kafkaProxies.cold.port },
      { port: producerPort, advertisedPort: kafkaProxies.producer.port },
    ],
  })
  const { clickhouse, s3, registry, kafka } = stack.endpoints
  await migrateHotStore(clickhouse)
  const proxies = {
    kafka: kafkaProxies,
    clickhouse: await proxyTo(portOf(clickhouse.url)),
    s3: await proxyTo(portOf(s3.endpoint)),
    registry: await proxyTo(portOf(registry.url)),
  }
  const all = [...Object.values(kafkaProxies), proxies.clickhouse, proxies.s3, proxies.registry]
  return {
    stack,
    proxies,
    directory,
    kafka: new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }),
    kafkaLogDir: join(directory, 'stack', 'kafka', 'log'),
    signingKeyFile: ensureSigningKey(directory),
    close: async () => {
      await Promise.all(all.map((proxy) => proxy.close()))
      await stack.stop()
    },
  }
}

/** `url` with the proxy's port in place of the server's. */
export function through(proxy: TcpProxy, url: string): string {
  const relayed = new URL(url)
  relayed.port = String(proxy.port)
  return relayed.href.replace(/\/$/, '')
}

const proxyTo = (port: number): Promise<TcpProxy> => tcpProxy({ host: '127.0.0.1', port })

const portOf = (url: string): number => Number(new URL(url).port)
