import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PACKAGES = ['clickhouse-connect==1.12.0', 'lz4==4.4.5']
const SCRIPT = fileURLToPath(new URL('python_client.py', import.meta.url))

/** The Python of an environment that holds the client; built once per machine and list of packages. */
export async function pythonWithClient(): Promise<string> {
  const root = process.env['DAYBOOK_CACHE'] ?? join(homedir(), '.cache', 'daybook')
  const digest = createHash('sha256').update(PACKAGES.join('\n')).digest('hex').slice(0, 12)
  const dir = join(root, `python-${digest}`)
  const python = join(dir, 'bin', 'python')
  if (await exists(join(dir, 'complete'))) return python
  await mkdir(root, { recursive: true })
  await rm(dir, { recursive: true, force: true })
  await step('python3', ['-m', 'venv', dir], 'python3 with its venv module is needed for this test')
  const hint = `pip cannot install ${PACKAGES.join(' and ')}; this test needs a Python package index`
  await step(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES], hint)
  // An environment cannot be moved, so a marker tells a whole one from one whose making was interrupted.
  await mkdir(join(dir, 'complete.partial'))
  await rename(join(dir, 'complete.partial'), join(dir, 'complete'))
  return python
}

/** Runs the script against the server and returns what it printed. */
export async function runPythonClient(
  url: string,
  compression: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { hostname, port } = new URL(url)
  const { stdout } = await run(await pythonWithClient(), [SCRIPT, hostname, port, compression], {
    timeout: 60_000,
  })
  const seen: Readonly<Record<string, unknown>> = JSON.parse(stdout)
  return seen
}

async function step(command: string, args: readonly string[], hint: string): Promise<void> {
  try {
    await run(command, args)
  } catch (error) {
    throw new Error(`${hint} (${command} ${args.join(' ')} failed)`, { cause: error })
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
