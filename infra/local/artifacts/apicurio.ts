import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Artifact } from './cache.ts'
import { verifyChecksums } from './checksums.ts'
import { copyArtifact } from './maven.ts'
import { run } from './run.ts'

export function apicurioArtifact(cacheRoot: string): Artifact {
  return {
    name: 'apicurio',
    version: '3.0.9',
    origin: 'Maven (109 MB)',
    build: async (dir) => {
      await copyArtifact({ artifact: 'io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all', dir, cacheRoot })
      await verifyChecksums(dir, fileURLToPath(new URL('apicurio.sha256', import.meta.url)))
      const archive = join(dir, 'apicurio-registry-app-3.0.9-all.tar.gz')
      await run({ command: 'tar', args: ['-xzf', archive, '-C', dir], remedy: 'Is the disk full?' })
      rmSync(archive)
    },
  }
}
