import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { failpointsFromFd } from '../../../runtime/failpoint-pipe.ts'
import { noFailpoints } from '../../../runtime/failpoints.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function startChild() {
  const program = fileURLToPath(new URL('./failpoint-child.ts', import.meta.url))
  const child = spawn(process.execPath, [program], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, DAYBOOK_FAILPOINT_FD: '3' },
  })
  children.push(child)
  const pipe = child.stdio[3]
  if (!(pipe instanceof Duplex)) throw new Error('no duplex pipe')
  // A child that ends with commands unread resets the pipe.
  pipe.on('error', () => {})
  const output: string[] = []
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')))
  const hits = createInterface({ input: pipe })[Symbol.asyncIterator]()
  return {
    child,
    pipe,
    output: () => output.join(''),
    tell: (command: object) => pipe.write(`${JSON.stringify(command)}\n`),
    nextHit: async (): Promise<unknown> => JSON.parse((await hits.next()).value ?? 'null'),
    ended: new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }))
    }),
  }
}

describe("failpoints under a parent's command", () => {
  it('cost nothing and are nothing when no pipe is named', async () => {
    expect(await failpointsFromFd(undefined)).toBe(noFailpoints)
    expect(await failpointsFromFd('')).toBe(noFailpoints)
  })

  it('hold the child exactly there, so that it can be killed between two effects', async () => {
    const { child, tell, nextHit, output, ended } = startChild()
    tell({ arm: 'send.before', skip: 1 })
    tell({ begin: true })
    expect(await nextHit()).toEqual({ name: 'send.before', count: 2 })
    child.kill('SIGKILL')
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(output()).toBe('sent 1\n')
  })

  it('let the child go on at a word, and through when disarmed', async () => {
    const { tell, nextHit, pipe, output, ended } = startChild()
    tell({ arm: 'send.after' })
    tell({ begin: true })
    expect(await nextHit()).toEqual({ name: 'send.after', count: 1 })
    tell({ go: 'send.after' })
    expect(await nextHit()).toEqual({ name: 'send.after', count: 2 })
    pipe.write('go\n')
    expect(await nextHit()).toEqual({ name: 'send.after', count: 3 })
    tell({ disarm: 'send.after' })
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(output()).toBe('sent 1\nsent 2\nsent 3\n')
  })

  it('armed again, keep hold of the child and tell of it again', async () => {
    const { tell, nextHit, output, ended } = startChild()
    tell({ arm: 'send.before' })
    tell({ begin: true })
    expect(await nextHit()).toEqual({ name: 'send.before', count: 1 })
    tell({ arm: 'send.before' })
    expect(await nextHit()).toEqual({ name: 'send.before', count: 1 })
    tell({ disarm: 'send.before' })
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(output()).toBe('sent 1\nsent 2\nsent 3\n')
  })

  it('let everything go when the parent closes the pipe', async () => {
    const { tell, nextHit, pipe, output, ended } = startChild()
    tell({ arm: 'send.before' })
    tell({ begin: true })
    await nextHit()
    pipe.destroy()
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(output()).toBe('sent 1\nsent 2\nsent 3\n')
  })
})
