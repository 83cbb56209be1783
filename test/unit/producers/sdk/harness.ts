import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import type { AuditLog, AuditLogOptions, EventCatalogue } from '../../../../producers/sdk/src/audit-log.ts'
import { openAuditLog } from '../../../../producers/sdk/src/create-audit-log.ts'
import type { Problem } from '../../../../producers/sdk/src/problems.ts'
import { nodeFileSystem } from '../../../../producers/sdk/src/spool/file-system.ts'
import { FakeTransport } from './fake-transport.ts'
import type { FaultyFileSystem } from './faulty-file-system.ts'

export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'daybook-sdk-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export interface Opened {
  readonly audit: AuditLog
  readonly transport: FakeTransport
  readonly problems: Problem[]
}

export function open(
  o: Partial<AuditLogOptions> & { fs?: FaultyFileSystem; transport?: FakeTransport; dir?: string } = {},
): Opened {
  const transport = o.transport ?? new FakeTransport()
  const problems: Problem[] = []
  const { fs, dir, ...options } = o
  const audit = openAuditLog<EventCatalogue>(
    {
      service: { name: 'orders', version: '1' },
      tenant: 'acme',
      spool: dir === undefined ? 'memory' : { dir, fsyncMs: 5 },
      onProblem: (problem) => problems.push(problem),
      ...options,
      transport,
    },
    { fs: fs ?? nodeFileSystem, now: () => Date.now() },
  )
  onTestFinished(async () => {
    await audit.close({ timeoutMs: 0 })
  })
  return { audit, transport, problems }
}

export const ORDER = { target: { type: 'order', id: '1' }, actor: { id: 'u1', type: 'user' } } as const

/** Emits `count` events of different objects. */
export function emitMany(audit: AuditLog, count: number): void {
  for (let i = 0; i < count; i++) {
    audit.emit('order.updated', { ...ORDER, target: { type: 'order', id: String(i) } })
  }
}

export function segmentsOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.seg'))
    .map((file) => join(dir, file))
    .sort()
}

export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 })
}
