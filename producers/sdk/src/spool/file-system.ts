import { close, closeSync, fdatasync, fsync, ftruncateSync, open, openSync, writeSync } from 'node:fs'
import { open as openFile, rm } from 'node:fs/promises'

/** The file operations of the spool, as an interface so that tests can make each of them fail. */
export interface FileSystem {
  /** Creates a file that must not exist; writes go to its end. */
  create(path: string): number
  /** Returns how many bytes were written, which may be fewer than asked. */
  write(fd: number, bytes: Buffer, start: number, length: number): number
  /** Overwrites at `position`. */
  writeAt(fd: number, bytes: Buffer, position: number): void
  openForUpdate(path: string): number
  truncate(fd: number, length: number): void
  close(fd: number): void
  /** Off the event loop: data of `fd` is on the disk when it resolves. */
  datasync(fd: number): Promise<void>
  /** Off the event loop: names in the directory are on the disk when it resolves. */
  syncDirectory(path: string): Promise<void>
  /** Up to `length` bytes from `position`. */
  read(path: string, position: number, length: number): Promise<Buffer>
  append(path: string, bytes: Buffer): Promise<void>
  remove(path: string): Promise<void>
}

const PRIVATE_FILE = 0o600

export const nodeFileSystem: FileSystem = {
  create: (path) => openSync(path, 'ax', PRIVATE_FILE),
  write: (fd, bytes, start, length) => writeSync(fd, bytes, start, length, null),
  writeAt: (fd, bytes, position) => {
    writeSync(fd, bytes, 0, bytes.length, position)
  },
  openForUpdate: (path) => openSync(path, 'w+', PRIVATE_FILE),
  truncate: (fd, length) => ftruncateSync(fd, length),
  close: (fd) => closeSync(fd),
  datasync: (fd) => settled((done) => fdatasync(fd, done)),
  syncDirectory: async (path) => {
    const fd = await new Promise<number>((resolve, reject) =>
      open(path, 'r', (error, opened) => (error ? reject(error) : resolve(opened))),
    )
    await settled((done) => fsync(fd, done)).finally(() => settled((done) => close(fd, done)))
  },
  read: async (path, position, length) => {
    const file = await openFile(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  },
  append: async (path, bytes) => {
    const file = await openFile(path, 'a', PRIVATE_FILE)
    try {
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
  },
  remove: (path) => rm(path, { force: true }),
}

function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())))
}
