import { join } from 'node:path'
import { DaybookError } from '../../../schemas/errors.ts'
import type { Artifact } from './cache.ts'
import { run } from './run.ts'

const MODULE = 'github.com/versity/versitygw'
const VERSION = 'v1.8.0'
/** The hash of the module's source in Go's checksum database; its own go.sum pins all that it depends on. */
const MODULE_SUM = 'h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc='

export function versitygwArtifact(): Artifact {
  return {
    name: 'versitygw',
    version: VERSION.slice(1),
    origin: 'its source by go install (about 100 s on two cores)',
    build: async (dir) => {
      await run({
        command: 'go',
        args: ['install', `${MODULE}/cmd/versitygw@${VERSION}`],
        // Without cgo no C compiler is needed; `auto` lets a Go older than 1.25 fetch the toolchain it needs.
        env: { GOBIN: dir, CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOOS: '', GOARCH: '' },
        cwd: dir,
        remedy: 'Go must reach its module proxy (GOPROXY). Start again: it resumes.',
      })
      await verifyModule(join(dir, 'versitygw'))
    },
  }
}

async function verifyModule(binary: string): Promise<void> {
  const info = await run({
    command: 'go',
    args: ['version', '-m', binary],
    remedy: 'The binary that was just built cannot be read.',
  })
  const fields = info
    .split('\n')
    .map((line) => line.trim().split('\t'))
    .find(([kind]) => kind === 'mod')
  if (fields?.[1] === MODULE && fields[2] === VERSION && fields[3] === MODULE_SUM) return
  throw new DaybookError(
    'DAYBOOK_LOCAL_CHECKSUM',
    `the built versitygw is ${fields?.slice(1).join(' ') ?? 'without module data'}, pinned is ${MODULE} ${VERSION} ${MODULE_SUM}. It was not used.`,
  )
}
