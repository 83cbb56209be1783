import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

const MODULE = new URL('../../../../infra/local/bootstrap/run-tool.js', import.meta.url)

/** What has ended and was not waited for by its parent does not count. */
function alive(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
  return state !== '' && !state.startsWith('Z')
}

/** A process that runs a shell script as a tool; the script prints the ids of all that it has started. */
function starter(script: string) {
  const code = `
    import { runTool } from ${JSON.stringify(String(MODULE))}
    const { status } = await runTool('/bin/sh', ['-c', ${JSON.stringify(script)}])
    process.exit(status ?? 1)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return { child, ended: once(child, 'exit') }
}

it('gives the status of the tool', async () => {
  const { ended } = starter('exit 3')
  expect((await ended)[0]).toBe(3)
})

it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'a tool under way ends with its starter on %s, and what it has started too',
  async (signal) => {
    const { child, ended } = starter('sleep 60 & echo "$$ $!" >&2; wait')
    const [line] = await once(child.stderr, 'data')
    const pids = String(line).trim().split(' ').map(Number)
    expect(pids.map(alive)).toEqual([true, true])
    child.kill(signal)
    expect((await ended)[0]).toBe(130)
    await expect.poll(() => pids.map(alive)).toEqual([false, false])
  },
)

it('a tool that ignores SIGTERM is killed by the second signal', async () => {
  const { child, ended } = starter(`trap '' TERM; echo "$$" >&2; while :; do sleep 0.05; done`)
  const [line] = await once(child.stderr, 'data')
  child.kill('SIGTERM')
  const timer = setInterval(() => child.kill('SIGTERM'), 200)
  expect((await ended)[0]).toBe(130)
  clearInterval(timer)
  expect(alive(Number(String(line)))).toBe(false)
})
