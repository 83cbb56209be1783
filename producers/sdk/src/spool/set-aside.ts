import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'

const DIRECTORY = 'set-aside'

/** Where bytes go that can never be sent: never dropped, for a person to look at. */
export class SetAside {
  readonly #fs: FileSystem
  readonly #root: string

  constructor(options: { fs: FileSystem; root: string }) {
    this.#fs = options.fs
    this.#root = options.root
  }

  /** Appends `bytes`; resolves to the file's path, or to null where that fails too. */
  async keep(name: string, bytes: Buffer): Promise<string | null> {
    try {
      const path = this.#path(name)
      await this.#fs.append(path, bytes)
      return path
    } catch {
      return null
    }
  }

  /** Moves a whole file; returns its new path, or null where that fails. */
  move(from: string, name: string): string | null {
    try {
      const path = this.#path(name)
      renameSync(from, path)
      return path
    } catch {
      return null
    }
  }

  #path(name: string): string {
    mkdirSync(join(this.#root, DIRECTORY), { recursive: true, mode: 0o700 })
    return join(this.#root, DIRECTORY, name.replaceAll('/', '-'))
  }
}
