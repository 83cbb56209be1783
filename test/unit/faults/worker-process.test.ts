import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WORKER_LAUNCH } from '../../../infra/local/worker-launch.ts'
import { startWorker } from '../../integrity/faults/worker-process.ts'

/** In the place of a worker: says how it was started. */
const MAIN = `console.log(JSON.stringify({ flags: process.execArgv, env: process.env }))`

test.each(['hot', 'cold'] as const)('a %s worker under test is started as in production', async (kind) => {
  const dir = mkdtempSync(join(tmpdir(), 'daybook-launch-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const [main, logFile] = [join(dir, 'main.mjs'), join(dir, 'log')]
  writeFileSync(main, MAIN)
  const worker = await startWorker({ kind, main, env: { DAYBOOK_TEST: 'own' }, logFile })
  await worker.ended
  await expect.poll(() => readFileSync(logFile, 'utf8')).toContain('}\n')
  const { flags, env } = JSON.parse(readFileSync(logFile, 'utf8'))
  expect(flags).toEqual(expect.arrayContaining([...WORKER_LAUNCH[kind].nodeFlags]))
  expect(env).toMatchObject({ ...WORKER_LAUNCH[kind].env, DAYBOOK_TEST: 'own' })
})
