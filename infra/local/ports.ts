import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

export interface Ports {
  readonly kafka: number
  readonly kafkaController: number
  readonly registry: number
  readonly clickhouse: number
  readonly s3: number
}

/** Where the local stack listens unless something else already does. */
export const DEFAULT_PORTS: Ports = {
  kafka: 29092,
  kafkaController: 29093,
  registry: 28081,
  clickhouse: 28123,
  s3: 27070,
}

/**
 * Below the range from which the kernel takes ports for outgoing connections, so that a client cannot take the
 * port of a server that a test has stopped for a moment.
 */
const FREE_RANGE = { first: 20_000, last: 27_000 } as const

/** Ports for a stack that nothing listens on now. */
export async function freeStackPorts(): Promise<Ports> {
  const [kafka = 0, kafkaController = 0, registry = 0, clickhouse = 0, s3 = 0] = await freePorts(5)
  return { kafka, kafkaController, registry, clickhouse, s3 }
}

/** The ports this data directory had before, else the default ones; each that is taken is replaced by a free one. */
export async function rememberedPorts(dataDir: string): Promise<Ports> {
  const file = join(dataDir, 'ports.json')
  const wanted = { ...DEFAULT_PORTS, ...readPorts(file) }
  const spare = await freeStackPorts()
  const pick = async (name: keyof Ports) => ((await isFree(wanted[name])) ? wanted[name] : spare[name])
  const ports: Ports = {
    kafka: await pick('kafka'),
    kafkaController: await pick('kafkaController'),
    registry: await pick('registry'),
    clickhouse: await pick('clickhouse'),
    s3: await pick('s3'),
  }
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(file, `${JSON.stringify(ports, null, 2)}\n`)
  return ports
}

function readPorts(file: string): Partial<Ports> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}

/** So many ports that nothing listens on now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(FREE_RANGE.first, FREE_RANGE.last)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** One port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
