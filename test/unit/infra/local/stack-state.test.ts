import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimDataDir, runningStack, type StackState } from '../../../../infra/local/stack-state.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daybook-state-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const state: StackState = {
  pid: 1,
  endpoints: {
    kafka: { brokers: ['b:1'] },
    registry: { url: 'http://r' },
    clickhouse: { url: 'http://c', user: 'default', password: '' },
    s3: { endpoint: 'http://s', region: 'r', accessKeyId: 'k', secretAccessKey: 's' },
  },
  bucket: 'bucket',
  topics: ['t'],
  quarantineTopic: 'q',
  logDir: '/logs',
}

function claim() {
  const claimed = claimDataDir(dir)
  if (claimed === null) throw new Error('the directory is taken')
  return claimed
}

describe('the claim on a data directory', () => {
  it('is refused to a second start, which can read the state of the first', () => {
    const first = claim()
    expect(runningStack(dir)).toBeNull()
    first.publish(state)
    expect(claimDataDir(dir)).toBeNull()
    expect(runningStack(dir)).toEqual(state)
    first.release()
    expect(runningStack(dir)).toBeNull()
    claim().release()
  })

  it('ends with its process, also on kill -9, and its state is not believed any more', async () => {
    const module = new URL('../../../../infra/local/stack-state.ts', import.meta.url)
    const script = `
      import { claimDataDir } from ${JSON.stringify(String(module))}
      claimDataDir(${JSON.stringify(dir)}).publish(${JSON.stringify(state)})
      console.log('claimed')
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(owner.stdout, 'data')
    expect(claimDataDir(dir)).toBeNull()
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    expect(runningStack(dir)).toBeNull()
    claim().release()
  })

  it('keeps the credentials from other users', () => {
    const first = claim()
    first.publish(state)
    expect(statSync(join(dir, 'stack.json')).mode & 0o077).toBe(0)
    first.release()
  })

  it('wipe removes everything but what guards the directory', () => {
    writeFileSync(join(dir, 'data'), '')
    const first = claim()
    first.wipe()
    expect(existsSync(join(dir, 'data'))).toBe(false)
    expect(claimDataDir(dir)).toBeNull()
    first.release()
  })
})
