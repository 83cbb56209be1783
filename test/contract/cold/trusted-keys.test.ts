import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import { createColdContext } from '../../../consumers/cold-context.ts'
import { generateSigningKey } from '../../../proof/node.ts'
import { testArchive } from '../../support/cold/archive.ts'
import { eventRecords, rangeOf } from '../../support/cold/ranges.ts'
import { coldOptions } from '../../support/cold/sink.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'daybook-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** A worker as its configuration makes it, but for the store's clock and the log's name. */
async function setUp() {
  const [old, young, other] = [generateSigningKey(), generateSigningKey(), generateSigningKey()]
  const archive = await testArchive('trusted-keys')
  const { options } = archive.bucket
  const contextOf = (signingKey: string, trusted: string | null) => {
    const configured = createColdContext({
      config: {
        ...{ s3Bucket: options.bucket, s3Endpoint: options.endpoint, s3Region: options.region },
        ...{ s3AccessKeyId: options.accessKeyId, s3SecretAccessKey: options.secretAccessKey },
        ...{ s3ForcePathStyle: true, storeTimeoutMs: 10_000, org: 'acme', environment: 'test' },
        retention: new Map([['standard', 3650]]),
        signingKeyFile: file(`${signingKey.length}-${Math.random()}.key`, signingKey),
        trustedKeysFile: trusted,
      },
      clusterId: 'MkU3OEVBNTcwNTJENDM2Qg',
      onTampering: () => {},
    })
    return { ...configured, clock: archive.context.clock, logIdOf: archive.context.logIdOf }
  }
  return { old, young, other, archive, contextOf }
}

describe('a worker with a new key', () => {
  test('goes on behind objects of the old key where that is trusted, and stops where it is not', async () => {
    const { old, young, other, archive, contextOf } = await setUp()
    const partition = { ...archive.partition, partition: 1 }
    const before = contextOf(old.privatePem, null)
    await initArchive(before, { partition, reason: 'test' })
    const first = createColdSink(coldOptions(before))
    const claim = await first.claim(partition, never)
    const range = rangeOf(partition, eventRecords({ first: 0n, count: 5 }))
    expect(await first.deliver([{ claim, range }], never)).toEqual(['delivered'])

    const trusted = file('trusted.pem', `the key until November\n${old.publicPem}${other.publicPem}`)
    const second = createColdSink(coldOptions(contextOf(young.privatePem, trusted)))
    const next = await second.claim(partition, never)
    expect((await next.tip()).last).toBe(4n)
    const more = rangeOf(partition, eventRecords({ first: 5n, count: 5 }))
    expect(await second.deliver([{ claim: next, range: more }], never)).toEqual(['delivered'])

    const stranger = createColdSink(coldOptions(contextOf(other.privatePem, null)))
    await expect(stranger.claim(partition, never)).rejects.toMatchObject({
      code: 'DAYBOOK_COLD_CONTRADICTED',
      retryable: false,
    })
  })

  test('is told when the file of trusted keys holds none, or a private one', async () => {
    const { old, young, contextOf } = await setUp()
    for (const text of ['nothing', old.privatePem]) {
      const wrong = file('wrong.pem', text)
      expect(() => contextOf(young.privatePem, wrong)).toThrow(
        expect.objectContaining({ code: 'DAYBOOK_CONFIG_INVALID' }),
      )
    }
  })
})
