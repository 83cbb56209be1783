import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Artifact, cached, cacheRoot } from '../../../../infra/local/artifacts/cache.ts'
import { verifyChecksums } from '../../../../infra/local/artifacts/checksums.ts'
import { silentLog } from '../../../../infra/local/log.ts'

let root: string
let builds: number
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'daybook-cache-'))
  builds = 0
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const artifact: Artifact = {
  name: 'thing',
  version: '1',
  origin: 'a test',
  build: async (dir) => {
    builds++
    writeFileSync(join(dir, 'content'), 'whole')
  },
}

describe('the artifact cache', () => {
  it('builds once and finds it afterwards', async () => {
    const dir = await cached(root, artifact, silentLog)
    expect(readFileSync(join(dir, 'content'), 'utf8')).toBe('whole')
    expect(await cached(root, artifact, silentLog)).toBe(dir)
    expect(builds).toBe(1)
  })

  it('keeps nothing of a build that failed', async () => {
    const bad: Artifact = { ...artifact, build: () => Promise.reject(new Error('wrong checksum')) }
    await expect(cached(root, bad, silentLog)).rejects.toThrow('wrong checksum')
    await cached(root, artifact, silentLog)
    expect(readdirSync(root).filter((name) => !name.endsWith('.lock'))).toEqual(['thing-1'])
  })

  it('removes what a killed build left behind', async () => {
    mkdirSync(join(root, 'thing-1.partial-abc'), { recursive: true })
    await cached(root, artifact, silentLog)
    expect(readdirSync(root).filter((name) => !name.endsWith('.lock'))).toEqual(['thing-1'])
  })

  it('builds once for two processes at the same time', async () => {
    const module = new URL('../../../../infra/local/artifacts/cache.ts', import.meta.url)
    const script = `
      import { appendFileSync, writeFileSync } from 'node:fs'
      import { cached } from ${JSON.stringify(String(module))}
      const log = { line: () => {}, step: () => ({ done: () => {}, fail: () => {} }) }
      const build = async (dir) => {
        appendFileSync(${JSON.stringify(join(root, 'builds'))}, 'x')
        await new Promise((resolve) => setTimeout(resolve, 300))
        writeFileSync(dir + '/content', 'whole')
      }
      await cached(${JSON.stringify(root)}, { name: 'thing', version: '1', origin: 'a test', build }, log)`
    const run = () =>
      once(spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' }), 'exit')
    const statuses = await Promise.all([run(), run(), run()])
    expect(statuses.map(([code]) => code)).toEqual([0, 0, 0])
    expect(readFileSync(join(root, 'builds'), 'utf8')).toBe('x')
  })

  it('lies where DAYBOOK_CACHE says, else in the cache folder of the user', () => {
    expect(cacheRoot({ DAYBOOK_CACHE: '/c' })).toBe('/c')
    expect(cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/daybook')
    expect(cacheRoot({})).toMatch(/\/\.cache\/daybook$/)
  })
})

describe('checksums', () => {
  // SHA-256 of "abc".
  const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  let list: string
  beforeEach(() => {
    mkdirSync(join(root, 'files'))
    list = join(root, 'list.sha256')
    writeFileSync(list, `${ABC}  a.jar\n`)
  })
  const verify = () => verifyChecksums(join(root, 'files'), list)

  it('accepts exactly the pinned files', async () => {
    writeFileSync(join(root, 'files', 'a.jar'), 'abc')
    await expect(verify()).resolves.toBeUndefined()
  })

  it.each([
    ['changed', () => writeFileSync(join(root, 'files', 'a.jar'), 'abd'), 'a.jar has other content'],
    ['missing', () => {}, 'a.jar is missing'],
    [
      'surplus',
      () => {
        writeFileSync(join(root, 'files', 'a.jar'), 'abc')
        writeFileSync(join(root, 'files', 'b.jar'), 'abc')
      },
      'b.jar is not in the list',
    ],
  ])('refuses a %s file', async (_what, arrange, message) => {
    arrange()
    await expect(verify()).rejects.toMatchObject({
      code: 'DAYBOOK_LOCAL_CHECKSUM',
      message: expect.stringContaining(message),
    })
  })
})
