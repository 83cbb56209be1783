import { mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { lock } from '../file-lock.ts'
import type { StackLog } from '../log.ts'

/** Something that is downloaded or built once per machine. */
export interface Artifact {
  readonly name: string
  readonly version: string
  /** Where it comes from and roughly how large it is, for the terminal. */
  readonly origin: string
  /** Fills the empty directory `dir` and verifies what it put there; throws when that differs from what is pinned. */
  build(dir: string): Promise<void>
}

export function cacheRoot(env: Readonly<Record<string, string | undefined>>): string {
  return env['DAYBOOK_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'daybook')
}

/**
 * The directory that holds the artifact, made now if it is not there. It appears by a rename, so it is never seen
 * half full; two processes that want it at once make it once; what a killed process left is removed.
 */
export async function cached(root: string, artifact: Artifact, log: StackLog): Promise<string> {
  const name = `${artifact.name}-${artifact.version}`
  const dir = join(root, name)
  if (exists(dir)) return dir
  const held = await lock(join(root, `${name}.lock`), () =>
    log.line(`another start is fetching ${name}; waiting for it`),
  )
  try {
    if (exists(dir)) return dir
    const step = log.step(`${artifact.name} ${artifact.version} from ${artifact.origin}`)
    for (const left of readdirSync(root).filter((entry) => entry.startsWith(`${name}.partial-`)))
      rmSync(join(root, left), { recursive: true, force: true })
    const partial = mkdtempSync(join(root, `${name}.partial-`))
    try {
      await artifact.build(partial)
    } catch (error) {
      step.fail('failed')
      throw error
    }
    renameSync(partial, dir)
    step.done(`${(sizeOf(dir) / 1e6).toFixed(0)} MB, verified, in ${dir}`)
    return dir
  } finally {
    held.release()
  }
}

function exists(dir: string): boolean {
  return statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true
}

function sizeOf(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
