import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createPipePool, openForWriting } from '../../../../infra/local/clickhouse/named-pipes.ts'

test('a wait for a reader ends when it is given up at once, before its thread has begun to wait', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'daybook-fifo-'))
  const pool = await createPipePool(dir)
  for (let round = 0; round < 100; round++) {
    const path = await pool.take()
    const pipe = openForWriting(path)
    await pipe.release()
    expect(await pipe.opened).toBeGreaterThan(0)
    pool.give(path)
  }
  await rm(dir, { recursive: true })
})

test('a pool makes more pipes when all are taken, each one once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'daybook-fifo-'))
  const pool = await createPipePool(dir)
  const taken = await Promise.all(Array.from({ length: 100 }, () => pool.take()))
  expect(new Set(taken).size).toBe(100)
  await rm(dir, { recursive: true })
})
