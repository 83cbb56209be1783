import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { prepareDirectory } from '../../../../producers/sdk/src/spool/local-disk.ts'
import { FakeTransport } from './fake-transport.ts'
import { FaultyFileSystem } from './faulty-file-system.ts'
import { emitMany, eventually, ORDER, open, segmentsOf, temporaryDirectory } from './harness.ts'

/** A directory with one segment of `events` + 1 events, as a killed process leaves it. */
async function leftBehind(events: number): Promise<{ dir: string; segment: string }> {
  const dir = temporaryDirectory()
  const transport = new FakeTransport()
  transport.online = false
  const { audit } = open({ dir, transport })
  emitMany(audit, events)
  const copy = temporaryDirectory()
  cpSync(dir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  await audit.close({ timeoutMs: 0 })
  const [segment] = segmentsOf(copy)
  if (segment === undefined) throw new Error('no segment')
  return { dir: copy, segment }
}

/** Positions behind each record, the first being the end of the header. */
function recordEnds(segment: string): number[] {
  const bytes = readFileSync(segment)
  const ends: number[] = []
  for (let at = 16 + bytes.readUInt32BE(8); at < bytes.length; at += 12 + bytes.readUInt32BE(at + 4))
    ends.push(at)
  return [...ends, bytes.length]
}

describe('a spool', () => {
  test('holds the event when emit returns', () => {
    const dir = temporaryDirectory()
    const { audit } = open({ dir })
    expect(audit.emit('order.updated', ORDER).state).toBe('spooled')
    expect(readFileSync(segmentsOf(dir)[0] ?? '', 'latin1')).toContain('order.updated')
  })

  test('leaves nothing behind when all is acknowledged', async () => {
    const dir = temporaryDirectory()
    const { audit } = open({ dir })
    emitMany(audit, 100)
    expect(await audit.close()).toBe(true)
    expect(readdirSync(dir)).toEqual([])
  })

  test('is taken over by the next start, in order and with the same bytes', async () => {
    const { dir, segment } = await leftBehind(50)
    const bytes = readFileSync(segment)
    const { audit, transport } = open({ dir })
    await audit.flush()
    await eventually(() => expect(audit.status().counts.resent).toBe(51))
    const resent = transport.sent.filter(({ own }) => !own)
    expect(resent.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 51 }, (_, i) => i + 1),
    )
    for (const { value } of resent) expect(bytes.includes(value.subarray(5))).toBe(true)
    await audit.close()
    expect(readdirSync(dir)).toEqual([])
  })

  test('remembers what was acknowledged when the process is killed', async () => {
    const dir = temporaryDirectory()
    const first = open({ dir })
    emitMany(first.audit, 20)
    await first.audit.flush()
    first.transport.online = false
    first.audit.emit('order.updated', ORDER)
    const copy = temporaryDirectory()
    cpSync(dir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    const second = open({ dir: copy })
    await eventually(() => expect(second.audit.status().counts.resent).toBe(1))
    await second.audit.close()
    expect(second.audit.status().counts.resent).toBe(1)
  })

  test('a tail cut at any byte costs that record only, is reported and kept aside', async () => {
    const { dir, segment } = await leftBehind(2)
    const ends = recordEnds(segment)
    const whole = readFileSync(segment)
    const lastStart = ends.at(-2) ?? 0
    for (let length = lastStart + 1; length < whole.length; length += 7) {
      const copy = temporaryDirectory()
      cpSync(dir, copy, { recursive: true })
      truncateSync(segment.replace(dir, copy), length)
      const { audit, transport, problems } = open({ dir: copy })
      await audit.flush()
      expect(
        transport.sent
          .filter(({ own }) => !own)
          .map(({ sequence }) => sequence)
          .sort(),
      ).toEqual([1, 2])
      expect(problems.map(({ code }) => code)).toEqual(['DAYBOOK_SDK_SPOOL_TORN'])
      const [kept] = readdirSync(join(copy, 'set-aside'))
      expect(statSync(join(copy, 'set-aside', kept ?? '')).size).toBe(length - lastStart)
      await audit.close()
    }
  }, 60_000)

  test('a damaged record costs that record only, wherever the damage lies', async () => {
    const { dir, segment } = await leftBehind(5)
    const ends = recordEnds(segment)
    const [from = 0, to = 0] = [ends[2], ends[3]]
    const whole = readFileSync(segment)
    for (let at = from; at < to; at += 5) {
      const copy = temporaryDirectory()
      cpSync(dir, copy, { recursive: true })
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] ?? 0) ^ 0xff
      writeFileSync(segment.replace(dir, copy), damaged)
      const { audit, transport, problems } = open({ dir: copy })
      await audit.flush()
      expect(
        transport.sent
          .filter(({ own }) => !own)
          .map(({ sequence }) => sequence)
          .sort(),
      ).toEqual([1, 2, 4, 5, 6])
      expect(problems.map(({ code }) => code)).toEqual(['DAYBOOK_SDK_SPOOL_CORRUPT'])
      await audit.close()
    }
  }, 60_000)

  test('a damaged header keeps the file aside', async () => {
    const { dir, segment } = await leftBehind(5)
    const bytes = readFileSync(segment)
    bytes[20] = (bytes[20] ?? 0) ^ 0xff
    writeFileSync(segment, bytes)
    const { audit, problems } = open({ dir })
    await audit.flush()
    expect(problems.map(({ code }) => code)).toEqual(['DAYBOOK_SDK_SPOOL_CORRUPT'])
    expect(readdirSync(join(dir, 'set-aside'))).toHaveLength(1)
  })

  test('writes whole records through short writes', async () => {
    const fs = new FaultyFileSystem()
    fs.shortWriteBytes = 7
    const transport = new FakeTransport()
    transport.online = false
    const dir = temporaryDirectory()
    const { audit } = open({ dir, fs, transport, memoryBytes: 1 })
    emitMany(audit, 20)
    transport.online = true
    expect(await audit.flush()).toBe(true)
    expect(transport.sequences.sort((a, b) => a - b)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
  })

  test.each(['ENOSPC', 'EIO'] as const)(
    'buffers in memory on %s, and cuts what was half written',
    async (code) => {
      const fs = new FaultyFileSystem()
      const dir = temporaryDirectory()
      const transport = new FakeTransport()
      transport.online = false
      const { audit, problems } = open({ dir, fs, transport })
      audit.emit('order.updated', ORDER)
      const size = statSync(segmentsOf(dir)[0] ?? '').size
      fs.writeError = code
      fs.bytesBeforeError = 30
      expect(audit.emit('order.updated', ORDER).state).toBe('buffered')
      expect(statSync(segmentsOf(dir)[0] ?? '').size).toBe(size)
      expect(problems.map((problem) => problem.code)).toContain('DAYBOOK_SDK_SPOOL_WRITE_FAILED')
      expect(() => audit.assertHealthy()).toThrow(/memory only/)
      fs.writeError = null
      await eventually(() => expect(audit.emit('order.updated', ORDER).state).toBe('spooled'))
      transport.online = true
      expect(await audit.flush()).toBe(true)
      const { lastSequence } = audit.status()
      expect(new Set(transport.sequences).size).toBe(lastSequence)
    },
  )

  test('goes on in a new file when half a record cannot be cut off', async () => {
    const fs = new FaultyFileSystem()
    const dir = temporaryDirectory()
    const { audit, transport } = open({ dir, fs })
    fs.writeError = 'EIO'
    fs.bytesBeforeError = 30
    fs.truncateFails = true
    audit.emit('order.updated', ORDER)
    fs.writeError = null
    await eventually(() => expect(audit.emit('order.updated', ORDER).state).toBe('spooled'))
    expect(await audit.flush()).toBe(true)
    expect(new Set(transport.sequences).size).toBe(audit.status().lastSequence)
  })

  test('refuses at its cap, says so, and takes events again when there is room', async () => {
    const dir = temporaryDirectory()
    const transport = new FakeTransport()
    transport.online = false
    const { audit, problems } = open({ transport, spool: { dir, capBytes: 100_000 } })
    emitMany(audit, 1_000)
    const refused = problems.filter(({ code }) => code === 'DAYBOOK_SDK_SPOOL_FULL').length
    expect(refused).toBeGreaterThan(100)
    expect(audit.status().counts).toMatchObject({ refused, spooled: 1_001 - refused })
    transport.online = true
    await audit.flush()
    await eventually(() => expect(audit.emit('order.updated', ORDER).state).toBe('spooled'))
    await audit.flush()
    expect(transport.sequences.sort((a, b) => a - b)).toEqual(
      Array.from({ length: audit.status().lastSequence }, (_, i) => i + 1),
    )
  })
})

describe('a spool directory', () => {
  test('is shared by processes, each in a part of its own, and no living one is taken over', async () => {
    const dir = temporaryDirectory()
    const first = open({ dir })
    first.transport.online = false
    first.audit.emit('order.updated', ORDER)
    const second = open({ dir })
    await second.audit.flush()
    expect(second.audit.status().counts.resent).toBe(0)
    first.transport.online = true
    await first.audit.flush()
    expect(first.transport.actions).toContain('order.updated')
  })

  test('may have a path that is too long for a socket', async () => {
    const dir = join(temporaryDirectory(), 'x'.repeat(120))
    const first = open({ dir })
    first.audit.emit('order.updated', ORDER)
    const second = open({ dir })
    await second.audit.flush()
    expect(second.audit.status().counts.resent).toBe(0)
    await first.audit.close()
    await second.audit.close()
    expect(readdirSync(dir)).toEqual([])
  })

  test('on a network file system is refused with the reason', () => {
    const dir = temporaryDirectory()
    expect(() => prepareDirectory(dir, () => 0x6969)).toThrow(/network file system \(NFS\)/)
  })

  test('that cannot be made is refused with the reason', () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')
    expect(() => open({ dir: join(file, 'spool') })).toThrow(
      expect.objectContaining({ code: 'DAYBOOK_SDK_SPOOL_UNUSABLE' }),
    )
  })
})
