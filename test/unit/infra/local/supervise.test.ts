import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Supervised, supervise } from '../../../../infra/local/supervise.ts'

let dir: string
let logFile: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-supervise-'))
  logFile = join(dir, 'program.log')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function shell(script: string, graceSeconds = 5): Promise<Supervised> {
  const args = ['-c', script]
  return supervise({
    name: 'program',
    command: '/bin/sh',
    args,
    env: process.env,
    cwd: dir,
    logFile,
    graceSeconds,
  })
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('supervise', () => {
  it('tells the exit status and writes the output to the log', async () => {
    const program = await shell('echo out; echo err >&2; exit 3')
    expect(await program.exited).toBe(3)
    expect(readFileSync(logFile, 'utf8')).toBe('out\nerr\n')
    expect(program.running()).toBe(false)
  })

  it('stop lets the program end by itself after SIGTERM', async () => {
    const program = await shell(`trap 'echo drained; exit 0' TERM; echo up; while :; do sleep 0.05; done`)
    await expect.poll(() => readFileSync(logFile, 'utf8')).toBe('up\n')
    expect(await program.stop()).toBe(0)
    expect(readFileSync(logFile, 'utf8')).toBe('up\ndrained\n')
  })

  it('stop kills a program that ignores SIGTERM, once its grace time is over', async () => {
    const program = await shell(`trap '' TERM; echo up; while :; do sleep 0.05; done`, 1)
    await expect.poll(() => readFileSync(logFile, 'utf8')).toBe('up\n')
    expect(await program.stop()).toBe(137)
    expect(alive(program.pid)).toBe(false)
  })

  it('a signal reaches the program, not only its supervisor', async () => {
    const program = await shell('exec sleep 60')
    program.signal('SIGKILL')
    expect(await program.exited).toBe(137)
    expect(alive(program.pid)).toBe(false)
  })

  it('fails when the program does not exist', async () => {
    const program = await supervise({
      name: 'nothing',
      command: join(dir, 'no-such-program'),
      args: [],
      env: process.env,
      cwd: dir,
      logFile,
      graceSeconds: 1,
    })
    expect(await program.exited).toBe(127)
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)('the program ends when its starter gets %s', async (signal) => {
    const module = new URL('../../../../infra/local/supervise.ts', import.meta.url)
    const script = `
      import { supervise } from ${JSON.stringify(String(module))}
      const p = await supervise({ name: 'p', command: 'sleep', args: ['60'], env: process.env, cwd: ${JSON.stringify(dir)}, logFile: ${JSON.stringify(logFile)}, graceSeconds: 1 })
      console.log(p.pid)`
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(starter.stdout, 'data')
    const pid = Number(String(line))
    expect(alive(pid)).toBe(true)
    starter.kill(signal)
    await expect.poll(() => alive(pid), { timeout: 5_000 }).toBe(false)
  })
})
