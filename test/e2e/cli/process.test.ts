import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli, startCli } from '../../support/cli/run.ts'
import { testStack } from '../../support/stack.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'daybook-cli-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))
const { clickhouse } = testStack()
const env = { DAYBOOK_DATA_DIR: dataDir, DAYBOOK_CLICKHOUSE_URL: clickhouse.url }

describe('the daybook process', () => {
  it('shows help with examples and exit code 0', async () => {
    const { code, stdout } = await runCli(['archive', 'get', '--help'], {})
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:')
  })

  it('ends with 2 and points to --help when the command line is wrong', async () => {
    expect(await runCli(['bogus'], {})).toMatchObject({ code: 2, stdout: '' })
    expect(await runCli(['archive', 'ls', '--from', 'noon'], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--from noon'),
    })
  })

  it('says how to name the servers when none are known', async () => {
    const { code, stderr } = await runCli(['sql', 'SELECT 1'], { DAYBOOK_DATA_DIR: dataDir })
    expect(code).toBe(2)
    expect(stderr).toContain('npm start')
    expect(stderr).toContain('DAYBOOK_CLICKHOUSE_URL')
  })

  it('streams an answer and ends quietly when the reader has enough', async () => {
    const { child, ended } = startCli(['sql', 'SELECT number FROM numbers(100000000)', '--json'], env)
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, stderr } = await ended.catch(async () => ({ code: child.exitCode, stderr: '' }))
    await expect.poll(() => child.exitCode).toBe(0)
    expect(code === null || code === 0).toBe(true)
    expect(stderr).toBe('')
  })

  it('ends with 130 on Ctrl-C', async () => {
    const { child, ended } = startCli(['sql', 'SELECT number FROM numbers(1000000000000)'], env)
    child.stdout.once('data', () => child.kill('SIGINT'))
    expect((await ended).code).toBe(130)
  })

  it('gives named values to the statement, and the reason when ClickHouse refuses', async () => {
    const answer = await runCli(['sql', '--json', '--param', 'x=it’s', 'SELECT {x:String} AS x'], env)
    expect(answer).toMatchObject({ code: 0, stdout: '{"x":"it’s"}\n' })
    const refused = await runCli(['sql'], env, 'SELECT nope')
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('nope') })
  })
})
