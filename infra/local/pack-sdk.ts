import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './artifacts/run.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TARGET = join(ROOT, 'examples/orders/node_modules/@daybook/sdk')

/** Gives the example the SDK as an application gets it: packed by npm and unpacked, not linked to its sources. */
export async function installPackedSdk(signal: AbortSignal): Promise<void> {
  mkdirSync(dirname(TARGET), { recursive: true })
  const directory = mkdtempSync(join(dirname(TARGET), '.pack-'))
  const remedy = 'Run npm ci, then npm start again.'
  try {
    await run({
      command: 'npm',
      args: ['pack', join(ROOT, 'producers/sdk'), '--pack-destination', directory, '--silent'],
      remedy,
      signal,
    })
    const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? ''
    await run({ command: 'tar', args: ['-xzf', join(directory, tarball), '-C', directory], remedy, signal })
    rmSync(TARGET, { recursive: true, force: true })
    renameSync(join(directory, 'package'), TARGET)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
