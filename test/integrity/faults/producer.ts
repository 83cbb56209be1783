import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, createWriteStream, existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ground } from './topics.ts'
import { through, type World } from './world.ts'

/** The emitting applications of a run, each with a spool of its own as on a host of its own. */
export interface Producer {
  /** `count` events over all hosts, at `perSecond`; then slowly more, until `finish`. */
  start(count: number, perSecond: number): void
  /**
   * SIGKILL on every host while it emits; half a record is left at the end of its spool, as by a write that was cut
   * short; then a successor over the same spool that emits what is left of the count, and `atLeast` so many.
   */
  killAndReplace(atLeast: number): Promise<void>
  /** Tells the emitters to come to an end; resolves when all that they emitted is acknowledged. */
  finish(): Promise<void>
  /** Ids of the events whose `emit` had returned `spooled`. */
  emitted(): readonly string[]
  stop(): void
}

interface Host {
  readonly spool: string
  readonly ids: string
  child: ChildProcess | null
  ended: Promise<number | string>
}

const EMITTER = fileURLToPath(new URL('./emitter.ts', import.meta.url))
const ENDS_WITH_PARENT = new URL('./ends-with-parent.ts', import.meta.url).href
const HOSTS = 2

export function createProducer(world: World, ground: Ground): Producer {
  const base = join(world.directory, ground.bucket)
  const log = createWriteStream(`${base}-emitter.log`)
  const hosts = Array.from(
    { length: HOSTS },
    (_, at): Host => ({
      ...{ spool: `${base}-spool-${at}`, ids: `${base}-ids-${at}.txt` },
      ...{ child: null, ended: Promise.resolve(0) },
    }),
  )
  const registry = through(world.proxies.registry, world.stack.endpoints.registry.url)
  const brokers = `127.0.0.1:${world.proxies.kafka.producer.port}`
  const emitted = () => hosts.flatMap(({ ids }) => linesOf(ids))
  let wanted = { count: 0, perSecond: 1 }
  const start = (count: number, perSecond: number): void => {
    wanted = { count: emitted().length + count, perSecond }
    for (const host of hosts) {
      const load = [count, perSecond].map((value) => String(Math.ceil(value / HOSTS)))
      const args = [
        '--import',
        ENDS_WITH_PARENT,
        EMITTER,
        brokers,
        registry,
        ground.prefix,
        host.spool,
        host.ids,
        ...load,
      ]
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
      child.stdin.on('error', () => {})
      child.stdout.pipe(log, { end: false })
      child.stderr.pipe(log, { end: false })
      host.child = child
      host.ended = new Promise((resolve) => {
        child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
      })
    }
  }
  return {
    start,
    killAndReplace: async (atLeast) => {
      for (const host of hosts) {
        host.child?.kill('SIGKILL')
        await host.ended
      }
      const torn = hosts.filter(({ spool }) => tearTail(spool))
      start(Math.max(atLeast, wanted.count - emitted().length), wanted.perSecond)
      if (torn.length === 0) throw new Error('no emitter left a record to tear')
    },
    finish: async () => {
      for (const host of hosts) host.child?.stdin?.end()
      for (const host of hosts) {
        const how = await host.ended
        if (how !== 0) throw new Error(`the emitter ended with ${how}`)
      }
    },
    emitted,
    stop: () => {
      for (const host of hosts) host.child?.kill('SIGKILL')
    },
  }
}

/** The last line counts only when it is whole: the process may have died in it. */
function linesOf(file: string): string[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.length === UUID_LENGTH)
}

const UUID_LENGTH = 36
const SEGMENT_FIXED_BYTES = 16
const SCHEMA_LENGTH_AT = 8
const TORN_BYTES = 40

/**
 * A write of some hundred bytes is over before a signal is looked at, so SIGKILL alone leaves whole records. Here the
 * beginning of the segment's own first record is put at its end: what a cut in mid-write leaves.
 */
function tearTail(spool: string): boolean {
  const segments = globSync(join(spool, '**', '*.seg'))
  const newest = segments.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]
  if (newest === undefined) return false
  const bytes = readFileSync(newest)
  const start = SEGMENT_FIXED_BYTES + bytes.readUInt32BE(SCHEMA_LENGTH_AT)
  if (bytes.length < start + 2 * TORN_BYTES) return false
  appendFileSync(newest, bytes.subarray(start, start + TORN_BYTES))
  return true
}
