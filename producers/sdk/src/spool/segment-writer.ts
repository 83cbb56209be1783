import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { type Segment, type SegmentOwner, segmentFile, segmentHeader } from './segment.ts'

interface Open {
  readonly segment: Segment
  readonly fd: number
  size: number
}

export interface SegmentWriterOptions {
  readonly fs: FileSystem
  readonly directory: string
  readonly instance: string
  readonly owner: SegmentOwner
  readonly schema: string
  readonly segmentBytes: number
  /** A segment takes no more records; `bytes` is its size. */
  readonly onSealed: (segment: Segment, bytes: number) => void
}

/** Appends to segment files, one after the other. A record is written whole or not at all. */
export class SegmentWriter {
  readonly #o: SegmentWriterOptions
  readonly #header: Buffer
  readonly #retired: number[] = []
  #open: Open | null = null
  #nextIndex = 1
  #dirty = false
  #directoryDirty = false

  constructor(options: SegmentWriterOptions) {
    this.#o = options
    this.#header = segmentHeader(options.schema)
  }

  /** The segment that was written last and the position behind the last record in it. */
  get segment(): Segment | null {
    return this.#open?.segment ?? null
  }

  get size(): number {
    return this.#open?.size ?? 0
  }

  /**
   * Writes `length` bytes of `buffer`. When it throws, the file ends where it ended before, or takes no more records.
   * Returns how many bytes of disk were taken.
   */
  append(buffer: Buffer, start: number, length: number): number {
    let taken = length
    if (this.#open !== null && this.#open.size + length > this.#o.segmentBytes) this.seal()
    if (this.#open === null) {
      this.#open = this.#create()
      taken += this.#header.length
    }
    const open = this.#open
    try {
      this.#writeAll(open.fd, buffer, start, length)
    } catch (error) {
      this.#cutBack(open)
      throw error
    }
    open.size += length
    this.#dirty = true
    return taken
  }

  /** Ends the current segment. */
  seal(): void {
    const open = this.#open
    if (open === null) return
    this.#open = null
    this.#retired.push(open.fd)
    this.#o.onSealed(open.segment, open.size)
  }

  /** Puts on the disk what was written so far, off the event loop. @throws what the file system throws. */
  async sync(): Promise<void> {
    const retired = this.#retired.splice(0)
    const open = this.#dirty ? this.#open : null
    const directory = this.#directoryDirty
    this.#dirty = false
    this.#directoryDirty = false
    try {
      for (const fd of retired) await this.#o.fs.datasync(fd)
      if (open !== null) await this.#o.fs.datasync(open.fd)
      if (directory) await this.#o.fs.syncDirectory(this.#o.directory)
    } finally {
      for (const fd of retired) this.#o.fs.close(fd)
    }
  }

  #create(): Open {
    const { fs, directory, instance, owner, schema } = this.#o
    const index = this.#nextIndex++
    const file = segmentFile(index)
    const path = join(directory, file)
    const fd = fs.create(path)
    try {
      this.#writeAll(fd, this.#header, 0, this.#header.length)
    } catch (error) {
      fs.close(fd)
      fs.remove(path).catch(() => undefined) // An empty segment is harmless: recovery skips it.
      throw error
    }
    this.#directoryDirty = true
    const start = this.#header.length
    return { segment: { owner, path, name: `${instance}/${file}`, index, schema, start }, fd, size: start }
  }

  #writeAll(fd: number, buffer: Buffer, start: number, length: number): void {
    let done = 0
    while (done < length) {
      const written = this.#o.fs.write(fd, buffer, start + done, length - done)
      if (written <= 0) throw new Error('the file system wrote nothing')
      done += written
    }
  }

  /** Removes half a record. Where even that fails, the segment ends here and its reader skips the half. */
  #cutBack(open: Open): void {
    try {
      this.#o.fs.truncate(open.fd, open.size)
    } catch {
      this.seal()
    }
  }
}
