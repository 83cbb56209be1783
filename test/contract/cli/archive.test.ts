import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateSigningKey } from '../../../proof/node.ts'
import { type CliWorld, cliWorld } from '../../support/cli/environment.ts'
import { runCli } from '../../support/cli/run.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { testBucket } from '../../support/cold/bucket.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'

let world: CliWorld
let archive: TestArchive
let env: CliWorld['env']
let publicKey: string

function pemOf(raw: Uint8Array): string {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`
}

beforeAll(async () => {
  world = await cliWorld('cli-archive')
  archive = await testArchive('cli-archive')
  const worker = await archive.worker({
    clock: { ...archive.context.clock, now: () => FIRST_MINUTE + 3_600_000 },
  })
  const records = eventRecords({ first: 0n, count: 120 })
  for (const part of [records.slice(0, 60), records.slice(60)])
    await worker.deliver(rangeOf(archive.partition, part))
  env = { ...world.env, DAYBOOK_S3_BUCKET: archive.bucket.name, DAYBOOK_TOPICS: archive.partition.topic }
  publicKey = join(world.dir, 'archive.pub')
  writeFileSync(publicKey, pemOf(archive.context.signer.publicKey))
})
afterAll(() => world.remove())

function linesOf(text: string) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

describe('archive ls', () => {
  it('lists objects in order, and only those of the asked time', async () => {
    const { code, stdout } = await runCli(['archive', 'ls', '--json'], env)
    expect(code).toBe(0)
    expect(linesOf(stdout).map(({ first, partition }) => [first, partition])).toEqual([
      ['0', 0],
      ['60', 0],
    ])
    const later = await runCli(['archive', 'ls', '--from', '2026-11-21T11:00Z'], env)
    expect(later).toMatchObject({ code: 0, stdout: '' })
  })
})

describe('archive get', () => {
  it('gives each event once, verified', async () => {
    const { code, stdout } = await runCli(['archive', 'get', '--public-key', publicKey], env)
    expect(code).toBe(0)
    const found = linesOf(stdout)
    expect(found.map(({ offset }) => Number(offset))).toEqual([...Array(120).keys()])
    expect(found.every(({ kind, verified }) => kind === 'event' && verified)).toBe(true)
  })

  it('gives only what was asked for', async () => {
    const all = linesOf((await runCli(['archive', 'get', '--public-key', publicKey], env)).stdout)
    const one = all[70].event
    const options = ['--format', 'events', '--event-id', one.event_id, '--tenant', one.tenant_id]
    const { stdout } = await runCli(['archive', 'get', '--public-key', publicKey, ...options], env)
    expect(linesOf(stdout)).toEqual([one])
  })

  it('refuses objects that no given key has signed', async () => {
    const other = join(world.dir, 'other.pub')
    writeFileSync(other, generateSigningKey().publicPem)
    const { code, stdout, stderr } = await runCli(['archive', 'get', '--public-key', other], env)
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toContain('DAYBOOK_EVIDENCE_ALTERED')
  })

  it('ends with 4 at an altered object, and shows the rest only when told to', async () => {
    const forged = await testBucket('cli-forged')
    for (const [i, { key, versions }] of (await keysOf(archive)).entries()) {
      const bytes = await archive.bucket.store.read({ key, versionId: versions[0]?.versionId ?? '' })
      if (i === 0) bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1
      await forged.client.send(new PutObjectCommand({ Bucket: forged.name, Key: key, Body: bytes }))
    }
    const get = ['archive', 'get', '--public-key', publicKey]
    const forgedEnv = { ...env, DAYBOOK_S3_BUCKET: forged.name }
    expect(await runCli(get, forgedEnv)).toMatchObject({ code: 4, stdout: '' })
    const { code, stdout, stderr } = await runCli([...get, '--allow-altered'], forgedEnv)
    expect(code).toBe(4)
    expect(stderr).toContain('ALTERED')
    const verified = linesOf(stdout).filter((line) => line.verified)
    expect(verified.map(({ offset }) => Number(offset))).toEqual([...Array(60).keys()].map((i) => i + 60))
  })

  it('asks for a public key where it knows none', async () => {
    const { code, stderr } = await runCli(['archive', 'get'], { ...env, DAYBOOK_SIGNING_KEY_FILE: '' })
    expect(code).toBe(2)
    expect(stderr).toContain('--public-key')
  })
})

describe('archive init', () => {
  it('starts each partition once', async () => {
    const init = ['archive', 'init', '--topic', world.topic, '--reason', 'test', '--json']
    const first = await runCli(init, world.env)
    expect(first.code).toBe(0)
    expect(JSON.parse(first.stdout).map((each: { state: string }) => each.state)).toEqual([
      'initialised',
      'initialised',
    ])
    const again = JSON.parse((await runCli(init, world.env)).stdout)
    expect(again.map((each: { state: string }) => each.state)).toEqual(['already', 'already'])
  })
})
