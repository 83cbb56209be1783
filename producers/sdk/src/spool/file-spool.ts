import { rmSync } from 'node:fs'
import type { ProblemReporter } from '../problems.ts'
import { AckFile } from './ack-file.ts'
import { Arena } from './arena.ts'
import { Backlog } from './backlog.ts'
import type { Item } from './entry.ts'
import type { FileSystem } from './file-system.ts'
import { adoptOrphans } from './orphans.ts'
import { claimInstance, type Ownership } from './ownership.ts'
import { recordBytes, type SpoolRecord, writeRecord } from './record.ts'
import type { Segment } from './segment.ts'
import { SegmentWriter } from './segment-writer.ts'
import { SetAside } from './set-aside.ts'
import type { AppendOutcome, Spool } from './spool.ts'

/** After a failed write the disk is left alone for this long; events are buffered meanwhile. */
const WRITE_RETRY_MS = 500
const MAX_SEGMENT_BYTES = 8 * 1024 * 1024
const MIN_SEGMENTS = 8

export interface FileSpoolOptions {
  readonly fs: FileSystem
  readonly root: string
  readonly instance: string
  readonly schema: string
  readonly capBytes: number
  readonly fsyncMs: number
  /** Memory for events that wait; those beyond it are read back from their files. */
  readonly windowBytes: number
  /** Memory for events that could not be written. */
  readonly bufferBytes: number
  readonly reporter: ProblemReporter
  readonly now: () => number
}

export class FileSpool implements Spool {
  readonly kind = 'file'
  readonly backlog: Backlog
  readonly capBytes: number
  bytes = 0
  failure: unknown = null
  readonly #o: FileSpoolOptions
  readonly #ownership: Ownership
  readonly #writer: SegmentWriter
  readonly #ack: AckFile
  readonly #aside: SetAside
  readonly #arena = new Arena()
  readonly #syncTimer: NodeJS.Timeout
  #syncing: Promise<void> | null = null
  #retryAt = 0

  /** @throws DaybookError DAYBOOK_SDK_SPOOL_UNUSABLE */
  constructor(options: FileSpoolOptions) {
    this.#o = options
    this.capBytes = options.capBytes
    this.backlog = new Backlog({ windowBytes: options.windowBytes })
    this.#ownership = claimInstance(options.root, options.instance)
    const directory = this.#ownership.path
    this.#ack = new AckFile({ fs: options.fs, directory })
    this.#aside = new SetAside({ fs: options.fs, root: options.root })
    this.#writer = new SegmentWriter({
      fs: options.fs,
      directory,
      instance: options.instance,
      owner: this,
      schema: options.schema,
      segmentBytes: Math.min(MAX_SEGMENT_BYTES, Math.ceil(options.capBytes / MIN_SEGMENTS)),
      onSealed: (segment, bytes) => this.#sealed(segment, bytes),
    })
    this.#syncTimer = setInterval(() => this.#sync(), options.fsyncMs)
    this.#syncTimer.unref()
  }

  append(record: SpoolRecord): AppendOutcome {
    const bytes = recordBytes(record.retention, record.value)
    if (this.bytes + bytes > this.capBytes) return 'refused'
    const buffer = this.#arena.take(bytes)
    const at = this.#arena.at
    const kept = writeRecord(buffer, at, record)
    const segment = this.#write(buffer, at, bytes)
    if (segment === null && this.backlog.bufferedBytes + bytes > this.#o.bufferBytes) return 'refused'
    this.backlog.push({
      kind: 'entry',
      sequence: kept.sequence,
      key: kept.key,
      retention: kept.retention,
      value: kept.value,
      schema: this.#o.schema,
      bytes,
      segment,
      end: this.#writer.size,
      own: true,
      settled: false,
      rejected: null,
    })
    return segment === null ? 'buffered' : 'spooled'
  }

  adopt(): Promise<readonly Item[]> {
    const { fs, root, instance } = this.#o
    return adoptOrphans({
      fs,
      root,
      instance,
      onBytes: (delta) => {
        this.bytes += delta
      },
      onUnreadable: (path, name, bytes) => this.#unreadable(path, name, bytes),
      onFailure: (directory, cause) => this.#unadoptable(directory, cause),
    })
  }

  settledThrough(segment: Segment, end: number): void {
    try {
      this.#ack.write({ index: segment.index, offset: end })
    } catch {
      // Only more is sent again after a crash, under the same event ids.
    }
  }

  setAside(name: string, bytes: Buffer): Promise<string | null> {
    return this.#aside.keep(name, bytes)
  }

  async close(drained: boolean): Promise<void> {
    clearInterval(this.#syncTimer)
    await this.#syncing
    this.#writer.seal()
    await this.#writer.sync().catch((error: unknown) => this.#syncFailed(error))
    this.#ack.close()
    if (drained) rmSync(this.#ownership.path, { recursive: true, force: true })
    await this.#ownership.close()
  }

  /** The segment that holds the record now; null when it could not be written. */
  #write(buffer: Buffer, at: number, length: number): Segment | null {
    if (this.failure !== null && this.#o.now() < this.#retryAt) return null
    try {
      this.bytes += this.#writer.append(buffer, at, length)
      if (this.failure !== null) this.#writable()
      return this.#writer.segment
    } catch (error) {
      this.#writeFailed(error)
      return null
    }
  }

  #writable(): void {
    this.failure = null
    this.#o.reporter.resolved('DAYBOOK_SDK_SPOOL_WRITE_FAILED')
  }

  #writeFailed(cause: unknown): void {
    this.failure = cause
    this.#retryAt = this.#o.now() + WRITE_RETRY_MS
    this.#o.reporter.condition({
      code: 'DAYBOOK_SDK_SPOOL_WRITE_FAILED',
      message: `Events cannot be written to the spool ${this.#o.root} (${messageOf(cause)}); they are kept in memory and lost if the process ends. Make room on the disk or repair it.`,
      cause,
    })
  }

  #sealed(segment: Segment, bytes: number): void {
    this.backlog.mark({
      kind: 'marker',
      settled: true,
      pass: () => {
        this.bytes -= bytes
        // Off the event loop. A file that stays is sent again after the next start, under the same event ids.
        this.#o.fs.remove(segment.path).catch(() => undefined)
      },
    })
  }

  #sync(): void {
    if (this.#syncing !== null) return
    this.#syncing = this.#writer
      .sync()
      .catch((error: unknown) => this.#syncFailed(error))
      .finally(() => {
        this.#syncing = null
      })
  }

  #syncFailed(cause: unknown): void {
    this.#o.reporter.condition({
      code: 'DAYBOOK_SDK_SPOOL_SYNC_FAILED',
      message: `The spool ${this.#o.root} cannot be synced to the disk (${messageOf(cause)}); a power cut may lose events. Check the disk.`,
      cause,
    })
  }

  #unreadable(path: string, name: string, bytes: number): void {
    const kept = this.#aside.move(path, `${name}.corrupt`)
    this.#o.reporter.report({
      code: 'DAYBOOK_SDK_SPOOL_CORRUPT',
      message: `The header of spool file ${name} (${bytes} bytes) cannot be read, so its events cannot be sent; it was kept as ${kept ?? path}.`,
    })
  }

  #unadoptable(directory: string, cause: unknown): void {
    this.#o.reporter.report({
      code: 'DAYBOOK_SDK_SPOOL_READ_FAILED',
      message: `The spool of an ended process at ${directory} cannot be read (${messageOf(cause)}); it is tried again at the next start.`,
      cause,
    })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
