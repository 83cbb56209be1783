import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { cached, cacheRoot } from '../../../infra/local/artifacts/cache.ts'
import { promtoolArtifact } from '../../../infra/local/artifacts/promtool.ts'
import { run } from '../../../infra/local/artifacts/run.ts'
import { terminalLog } from '../../../infra/local/log.ts'

const cwd = fileURLToPath(new URL('../../../infra/prometheus/', import.meta.url))
let promtool: string
beforeAll(async () => {
  const dir = await cached(cacheRoot(process.env), promtoolArtifact(), terminalLog(process.stderr))
  promtool = join(dir, 'promtool')
}, 900_000)

it.each([
  ['check', 'rules', '--lint=all', '--lint-fatal', 'daybook.rules.yml'],
  ['test', 'rules', 'daybook.rules.test.yml'],
])('promtool %s %s', async (...args) => {
  expect(await run({ command: promtool, args, cwd, remedy: 'See its output.' })).toContain('SUCCESS')
})
