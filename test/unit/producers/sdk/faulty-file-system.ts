import { type FileSystem, nodeFileSystem } from '../../../../producers/sdk/src/spool/file-system.ts'

/** The real file system with faults that a test switches on. */
export class FaultyFileSystem implements FileSystem {
  /** Writes fail with this code. */
  writeError: 'ENOSPC' | 'EIO' | null = null
  /** At most so many bytes are written by one call. */
  shortWriteBytes = Number.POSITIVE_INFINITY
  /** That many bytes of the next record reach the disk before the error. */
  bytesBeforeError = 0
  truncateFails = false

  readonly openForUpdate = nodeFileSystem.openForUpdate
  readonly writeAt = nodeFileSystem.writeAt
  readonly close = nodeFileSystem.close
  readonly datasync = nodeFileSystem.datasync
  readonly syncDirectory = nodeFileSystem.syncDirectory
  readonly read = nodeFileSystem.read
  readonly append = nodeFileSystem.append
  readonly remove = nodeFileSystem.remove

  create(path: string): number {
    return nodeFileSystem.create(path)
  }

  write(fd: number, bytes: Buffer, start: number, length: number): number {
    if (this.writeError === null) {
      return nodeFileSystem.write(fd, bytes, start, Math.min(length, this.shortWriteBytes))
    }
    if (this.bytesBeforeError > 0) {
      const written = nodeFileSystem.write(fd, bytes, start, Math.min(length, this.bytesBeforeError))
      this.bytesBeforeError = 0
      return written
    }
    throw Object.assign(new Error(this.writeError), { code: this.writeError })
  }

  truncate(fd: number, length: number): void {
    if (this.truncateFails) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    nodeFileSystem.truncate(fd, length)
  }
}
