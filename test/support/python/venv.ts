import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheRoot } from '../../../infra/local/artifacts/cache.ts'

const here = new URL('.', import.meta.url)

/**
 * Runs a Python program, by its name in this folder or its absolute path, and gives its standard output. It has the
 * pinned packages of requirements.txt: a virtual environment is made once per machine and list of packages.
 */
export function runPython(program: string, args: readonly string[] = []): string {
  return run(`${pythonEnvironment()}/bin/python`, [fileURLToPath(new URL(program, here)), ...args])
}

/** Makes the environment where it is not there yet, which takes its time. */
export function pythonEnvironment(): string {
  const requirements = fileURLToPath(new URL('requirements.txt', here))
  const root = cacheRoot(process.env)
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const path = join(root, `python-${digest}`)
  if (existsSync(path)) return path
  mkdirSync(root, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  run('python3', ['-m', 'venv', unfinished])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  run(`${unfinished}/bin/python`, [...pip, '-r', requirements])
  // Packages are found relative to the interpreter, so the folder can be renamed once it is complete.
  renameSync(unfinished, path)
  return path
}

function run(command: string, args: readonly string[]): string {
  const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 240_000 } as const
  const result = spawnSync(command, args, options)
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}: ${result.stderr}`)
  }
  return result.stdout
}
