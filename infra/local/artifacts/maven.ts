import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lock } from '../file-lock.ts'
import { run } from './run.ts'

const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin'

/** Copies all that a committed pom depends on into `dir`. */
export function copyDependencies(options: { pom: string; dir: string; cacheRoot: string }): Promise<void> {
  const pom = fileURLToPath(new URL(options.pom, import.meta.url))
  return maven(options.cacheRoot, [
    '--file',
    pom,
    `${PLUGIN}:3.8.1:copy-dependencies`,
    `-DoutputDirectory=${options.dir}`,
  ])
}

/**
 * Copies one artifact, given as `group:artifact:version:type:classifier`, into `dir`. The old plugin is on purpose:
 * newer ones insist on the artifact's parent pom, which is not published for every artifact and not needed here.
 */
export function copyArtifact(options: { artifact: string; dir: string; cacheRoot: string }): Promise<void> {
  return maven(options.cacheRoot, [
    `${PLUGIN}:2.10:copy`,
    `-Dartifact=${options.artifact}`,
    `-DoutputDirectory=${options.dir}`,
  ])
}

/**
 * Maven keeps what it has downloaded in its own repository, so a download that was killed goes on from there. That
 * repository is not made for two processes at once, hence the lock.
 */
async function maven(cacheRoot: string, args: readonly string[]): Promise<void> {
  const held = await lock(join(cacheRoot, 'maven.lock'), () => {})
  try {
    await run({
      command: 'mvn',
      args: ['--batch-mode', '--no-transfer-progress', ...args],
      remedy:
        'Maven must reach its central repository (or the mirror of your settings.xml). Start again: it resumes.',
    })
  } finally {
    held.release()
  }
}
