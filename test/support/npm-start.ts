import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface NpmStart {
  readonly child: ChildProcess
  /** The last line of standard output. Rejects when the start ends without it. */
  readonly json: Promise<Record<string, unknown>>
  stderr(): string
  /** How it ends. */
  readonly exit: Promise<number | null>
}

/** What `npm start -- --json` runs, on a data directory of its own. */
export function npmStart(dataDir: string, ...flags: readonly string[]): NpmStart {
  const child = spawn(process.execPath, ['start.js', '--json', ...flags], {
    cwd: ROOT,
    env: { ...process.env, DAYBOOK_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const json = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      stdout += text
      if (stdout.includes('}\n')) resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
    })
    child.once('exit', () => reject(new Error(`no JSON line: ${stderr}`)))
  })
  json.catch(() => {})
  const exit = once(child, 'exit').then(([code]): number | null => code)
  return { child, json, exit, stderr: () => stderr }
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly args: string
}

/** What has ended and was not waited for by its parent is no process any more. */
function processes(): Process[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, stat, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    if (args === undefined || stat?.startsWith('Z') === true) return []
    return [{ pid: Number(pid), parent: Number(parent), args }]
  })
}

/** Processes that have the text in their command line. */
export function processesWith(text: string): string[] {
  return processes()
    .filter(({ args }) => args.includes(text))
    .map(({ pid, args }) => `${pid} ${args}`)
}

/** All that a process has started, and what that has started. */
export function descendants(pid: number | undefined): Process[] {
  const all = processes()
  const own = all.filter(({ parent }) => parent === pid)
  const found: Process[] = []
  for (const one of own) {
    found.push(one)
    own.push(...all.filter(({ parent }) => parent === one.pid))
  }
  return found
}

/** Those of `known` that run still. */
export function stillRunning(known: readonly Process[]): Process[] {
  const now = new Map(processes().map((one) => [one.pid, one.args]))
  return known.filter(({ pid, args }) => now.get(pid) === args)
}
