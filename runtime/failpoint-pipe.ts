import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { FAILPOINTS, type Failpoint, type Failpoints, noFailpoints } from './failpoints.ts'

/**
 * Failpoints under the command of the parent process, for fault tests. The parent opens an extra `pipe` in the
 * child's stdio (a duplex socket) and names its descriptor in `DAYBOOK_FAILPOINT_FD`. Lines are JSON:
 *
 * - parent → child: `{"arm": "<name>", "skip": n}` (the first n hits pass), `{"disarm": "<name>"}`, `{"go": "<name>"}`
 *   (or just `go` for all that wait), and `{"begin": true}` once, when what is to be armed from the start is armed
 * - child → parent: `{"name": "<name>", "count": k}` for each hit that is held; `count` is the number of hits since
 *   arming. The child waits there until `go` (or until it is killed).
 *
 * When the parent closes the pipe, all held hits go on.
 */
export async function failpointsFromFd(fd: string | undefined): Promise<Failpoints> {
  if (fd === undefined || fd === '') return noFailpoints
  const piped = new PipedFailpoints(Number(fd))
  await piped.begun
  return piped
}

interface Armed {
  readonly skip: number
  count: number
  readonly waiting: (() => void)[]
}

class PipedFailpoints implements Failpoints {
  readonly #socket: Socket
  readonly #armed = new Map<string, Armed>()
  readonly #begin = Promise.withResolvers<void>()
  readonly begun = this.#begin.promise

  constructor(fd: number) {
    this.#socket = new Socket({ fd })
    this.#socket.on('error', () => this.#letAllGo())
    this.#socket.on('close', () => this.#letAllGo())
    const lines = createInterface({ input: this.#socket })
    lines.on('line', (line) => this.#obey(line))
    lines.on('error', () => this.#letAllGo())
  }

  hit(name: Failpoint): Promise<void> | undefined {
    const armed = this.#armed.get(name)
    if (armed === undefined) return undefined
    armed.count += 1
    if (armed.count <= armed.skip) return undefined
    return new Promise((resolve) => {
      armed.waiting.push(resolve)
      this.#socket.ref()
      this.#tell({ name, count: armed.count })
    })
  }

  #obey(line: string): void {
    if (line.trim() === 'go') {
      for (const name of this.#armed.keys()) this.#letGo(name)
      return
    }
    const command: unknown = JSON.parse(line)
    if (typeof command !== 'object' || command === null) return
    if (Reflect.get(command, 'begin') === true) this.#started()
    const arm = nameIn(command, 'arm')
    if (arm !== null) {
      const skip: unknown = Reflect.get(command, 'skip')
      // Armed again: hits that are held already stay held and are reported again, or the parent could not release them.
      const waiting = this.#armed.get(arm)?.waiting ?? []
      this.#armed.set(arm, { skip: typeof skip === 'number' ? skip : 0, count: waiting.length, waiting })
      if (waiting.length > 0) this.#tell({ name: arm, count: waiting.length })
    }
    const disarm = nameIn(command, 'disarm')
    if (disarm !== null) {
      this.#letGo(disarm)
      this.#armed.delete(disarm)
    }
    const go = nameIn(command, 'go')
    if (go !== null) this.#letGo(go)
  }

  /** The pipe keeps the process alive only while something waits for it: `begin` here, else a held hit. */
  #started(): void {
    this.#socket.unref()
    this.#begin.resolve()
  }

  #letGo(name: string): void {
    for (const resolve of this.#armed.get(name)?.waiting.splice(0) ?? []) resolve()
    const isWaiting = [...this.#armed.values()].some(({ waiting }) => waiting.length > 0)
    if (!isWaiting) this.#socket.unref()
  }

  #letAllGo(): void {
    for (const name of [...this.#armed.keys()]) {
      this.#letGo(name)
      this.#armed.delete(name)
    }
    this.#started()
  }

  #tell(message: object): void {
    this.#socket.write(`${JSON.stringify(message)}\n`)
  }
}

function nameIn(command: object, key: string): Failpoint | null {
  const value: unknown = Reflect.get(command, key)
  return FAILPOINTS.find((name) => name === value) ?? null
}
