import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ground } from './topics.ts'
import { through, type World } from './world.ts'

/** The emitting application of a run: started, killed, started again over the same spool. */
export interface Producer {
  start(count: number, perSecond: number): void
  /** SIGKILL while it emits, then a successor over the same spool that emits `count` more. */
  killAndReplace(count: number, perSecond: number): Promise<void>
  /** Resolves when the running emitter has had everything acknowledged. Rejects when it ended otherwise. */
  finished(): Promise<void>
  /** Ids of the events whose `emit` had returned `spooled`. */
  emitted(): readonly string[]
  stop(): void
}

const EMITTER = fileURLToPath(new URL('./emitter.ts', import.meta.url))

export function createProducer(world: World, ground: Ground): Producer {
  const ids = join(world.directory, `${ground.bucket}-ids.txt`)
  const spool = join(world.directory, `${ground.bucket}-spool`)
  const log = createWriteStream(join(world.directory, `${ground.bucket}-emitter.log`))
  let child: ChildProcess | null = null
  let ended: Promise<number | string> = Promise.resolve(0)

  const start = (count: number, perSecond: number): void => {
    const registry = through(world.proxies.registry, world.stack.endpoints.registry.url)
    const brokers = `127.0.0.1:${world.proxies.kafka.producer.port}`
    const args = [EMITTER, brokers, registry, ground.prefix, spool, ids, String(count), String(perSecond)]
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    started.stdout?.pipe(log, { end: false })
    started.stderr?.pipe(log, { end: false })
    ended = new Promise((resolve) => {
      started.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
    })
    child = started
  }
  return {
    start,
    killAndReplace: async (count, perSecond) => {
      child?.kill('SIGKILL')
      await ended
      start(count, perSecond)
    },
    finished: async () => {
      const how = await ended
      if (how !== 0) throw new Error(`the emitter ended with ${how}`)
    },
    emitted: () =>
      existsSync(ids)
        ? readFileSync(ids, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [],
    stop: () => {
      child?.kill('SIGKILL')
    },
  }
}
