import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
let dataDir: string
const started: ChildProcess[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-start-'))
})
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await expect.poll(() => processesOf(dataDir), { timeout: 30_000 }).toEqual([])
  rmSync(dataDir, { recursive: true, force: true })
})

interface Started {
  readonly child: ChildProcess
  readonly json: Promise<Record<string, unknown>>
  readonly stderr: () => string
}

function start(...flags: string[]): Started {
  const child = spawn(process.execPath, ['start.js', '--json', ...flags], {
    cwd: ROOT,
    env: { ...process.env, DAYBOOK_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const json = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      stdout += text
      if (stdout.includes('}\n')) resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
    })
    child.once('exit', () => reject(new Error(`no JSON line: ${stderr}`)))
  })
  return { child, json, stderr: () => stderr }
}

/** Processes that have the folder in their command line. */
function processesOf(dir: string): string[] {
  const ids = spawnLines('ps', ['-eo', 'pid=,args='])
  return ids.filter((line) => line.includes(dir))
}

function spawnLines(command: string, args: string[]): string[] {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return stdout.split('\n')
}

describe('npm start', () => {
  it('is found by a second start, and takes everything with it when it is killed', async () => {
    const first = start()
    const told = await first.json
    const second = start()
    expect(await second.json).toMatchObject({ endpoints: told['endpoints'] ?? 'none' })
    const [code] = await once(second.child, 'exit')
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8'))).toMatchObject({
      bucket: told['bucket'],
    })

    expect(processesOf(dataDir).length).toBeGreaterThanOrEqual(4)
    first.child.kill('SIGKILL')
    await expect.poll(() => processesOf(dataDir), { timeout: 30_000 }).toEqual([])
  })

  it('ends by SIGTERM with status 0 and can be started again on its data', async () => {
    const first = start()
    await first.json
    first.child.kill('SIGTERM')
    const [code] = await once(first.child, 'exit')
    expect(code).toBe(0)
    expect(processesOf(dataDir)).toEqual([])
    const again = start()
    expect(await again.json).toMatchObject({ bucket: 'daybook-archive' })
  })

  it('with --once shows that all that was emitted is queryable and locked, and leaves nothing behind', async () => {
    const { child, json } = start('--once')
    const told = await json
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
    expect(told).toMatchObject({
      lost: 0,
      duplicated: 0,
      view: 'daybook.audit',
      topic: 'audit.events.standard',
    })
    expect(told['emitted']).toBeGreaterThan(200)
    expect([told['queryable'], told['archived']]).toEqual([told['emitted'], told['emitted']])
  })
})
