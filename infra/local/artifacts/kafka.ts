import { fileURLToPath } from 'node:url'
import type { Artifact } from './cache.ts'
import { verifyChecksums } from './checksums.ts'
import { copyDependencies } from './maven.ts'

export function kafkaArtifact(cacheRoot: string): Artifact {
  return {
    name: 'kafka',
    version: '4.1.0',
    origin: 'Maven (46 jars, 43 MB)',
    build: async (dir) => {
      await copyDependencies({ pom: 'kafka.pom.xml', dir, cacheRoot })
      await verifyChecksums(dir, fileURLToPath(new URL('kafka.sha256', import.meta.url)))
    },
  }
}
