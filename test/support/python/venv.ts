import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = new URL('.', import.meta.url)
const cache = new URL('../../../node_modules/.cache/daybook-python/', import.meta.url)

/**
 * Runs a Python program of this folder in a virtual environment with the pinned requirements, which is made once.
 * Gives its standard output.
 */
export function runPython(program: string, args: readonly string[]): string {
  return run(`${environment()}/bin/python`, [fileURLToPath(new URL(program, here)), ...args])
}

function environment(): string {
  const requirements = fileURLToPath(new URL('requirements.txt', here))
  const name = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16)
  const path = fileURLToPath(new URL(name, cache))
  if (existsSync(path)) return path
  mkdirSync(cache, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  run('python3', ['-m', 'venv', unfinished])
  run(`${unfinished}/bin/python`, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    requirements,
  ])
  // Packages are found relative to the interpreter, so the folder can be renamed once it is complete.
  renameSync(unfinished, path)
  return path
}

function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) throw new Error(`${command} ended with ${result.status}: ${result.stderr}`)
  return result.stdout
}
