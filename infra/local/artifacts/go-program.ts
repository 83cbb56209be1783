import { join } from 'node:path'
import { DaybookError } from '../../../schemas/errors.ts'
import type { Artifact } from './cache.ts'
import { run } from './run.ts'

export interface GoProgram {
  /** Of the program, and of its folder in the module's `cmd`. */
  readonly name: string
  readonly module: string
  /** `v1.2.3` */
  readonly version: string
  /** The hash of the module's source in Go's checksum database; its own go.sum pins all that it depends on. */
  readonly moduleSum: string
  /** For the terminal. */
  readonly duration: string
}

/** A program that is built from its source by `go install`. */
export function goArtifact({ name, module, version, moduleSum, duration }: GoProgram): Artifact {
  return {
    name,
    version: version.slice(1),
    origin: `its source by go install (about ${duration} on two cores)`,
    build: async (dir) => {
      await run({
        command: 'go',
        args: ['install', `${module}/cmd/${name}@${version}`],
        // Without cgo no C compiler is needed; `auto` lets an older Go fetch the toolchain that the module asks for.
        env: { GOBIN: dir, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOOS: '', GOARCH: '' },
        cwd: dir,
        remedy: 'Go must reach its module proxy (GOPROXY). Start again: it resumes.',
      })
      await verifyModule(join(dir, name), [module, version, moduleSum])
    },
  }
}

async function verifyModule(binary: string, pinned: readonly string[]): Promise<void> {
  const info = await run({
    command: 'go',
    args: ['version', '-m', binary],
    remedy: 'The binary that was just built cannot be read.',
  })
  const fields = info
    .split('\n')
    .map((line) => line.trim().split('\t'))
    .find(([kind]) => kind === 'mod')
  if (fields?.slice(1, 4).join(' ') === pinned.join(' ')) return
  throw new DaybookError(
    'DAYBOOK_LOCAL_CHECKSUM',
    `the built ${binary} is ${fields?.slice(1).join(' ') ?? 'without module data'}, pinned is ${pinned.join(' ')}. It was not used.`,
  )
}
