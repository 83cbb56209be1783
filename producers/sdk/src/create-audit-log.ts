import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import type { AuditLog, AuditLogOptions, EventCatalogue } from './audit-log.ts'
import { AuditLogCore } from './audit-log-core.ts'
import { ProblemReporter } from './problems.ts'
import { FileSpool } from './spool/file-spool.ts'
import { type FileSystem, nodeFileSystem } from './spool/file-system.ts'
import { prepareDirectory } from './spool/local-disk.ts'
import { MemorySpool } from './spool/memory-spool.ts'
import type { Spool } from './spool/spool.ts'
import { createUuid7 } from './uuid7.ts'

const DEFAULT_CAP_BYTES = 1024 * 1024 * 1024
const DEFAULT_FSYNC_MS = 200
const DEFAULT_WINDOW_BYTES = 8 * 1024 * 1024
/** Memory for events without a spool directory, and for those that could not be written to it. */
const BUFFER_BYTES = 64 * 1024 * 1024

/** What tests replace by fakes. */
export interface Surroundings {
  readonly fs: FileSystem
  readonly now: () => number
}

/**
 * Opens an audit log. Synchronous; does no network I/O.
 * @throws DaybookError DAYBOOK_SDK_SPOOL_UNUSABLE when the spool directory cannot be used.
 */
export function createAuditLog<C extends EventCatalogue = EventCatalogue>(
  options: AuditLogOptions,
): AuditLog<C> {
  return openAuditLog<C>(options, { fs: nodeFileSystem, now: () => Date.now() })
}

export function openAuditLog<C extends EventCatalogue>(
  options: AuditLogOptions,
  { fs, now }: Surroundings,
): AuditLog<C> {
  const reporter = new ProblemReporter({ onProblem: options.onProblem, now })
  const producerId = createUuid7(now)()
  const spool = openSpool(options, { producerId, reporter, fs, now })
  return new AuditLogCore<C>({ options, producerId, spool, reporter, fs, now })
}

function openSpool(
  options: AuditLogOptions,
  o: { producerId: string; reporter: ProblemReporter } & Surroundings,
): Spool {
  if (options.spool === 'memory') {
    return new MemorySpool({ capBytes: BUFFER_BYTES, schema: AUDIT_EVENT_SCHEMA_TEXT })
  }
  const { dir, capBytes, fsyncMs } = options.spool
  prepareDirectory(dir)
  return new FileSpool({
    fs: o.fs,
    root: dir,
    instance: o.producerId,
    schema: AUDIT_EVENT_SCHEMA_TEXT,
    capBytes: capBytes ?? DEFAULT_CAP_BYTES,
    fsyncMs: fsyncMs ?? DEFAULT_FSYNC_MS,
    windowBytes: options.memoryBytes ?? DEFAULT_WINDOW_BYTES,
    bufferBytes: BUFFER_BYTES,
    reporter: o.reporter,
    now: o.now,
  })
}
