/** Starts the local server as a process of its own, for tests and the local stack. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Role } from './roles.ts'

export interface StartClickHouseOptions {
  readonly dataDir: string
  /** Default 0: any free one. */
  readonly port?: number
  /** Default `migrator`. */
  readonly role?: Role
  readonly servingGrantsFile?: string
  readonly user?: string
  readonly password?: string
  /** A user whose requests run with `readonly=1`. */
  readonly auditor?: { readonly user: string; readonly password: string }
}

export interface StartedClickHouse {
  readonly url: string
  readonly pid: number
  /** SIGTERM; resolves when the process has ended and the data directory is free. */
  close(): Promise<void>
}

/** Resolves when the local server answers. The process ends with this one. */
export async function startClickHouse(options: StartClickHouseOptions): Promise<StartedClickHouse> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, ...argumentsOf(options)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DAYBOOK_CLICKHOUSE_PASSWORD: options.password ?? '',
      DAYBOOK_CLICKHOUSE_AUDITOR_PASSWORD: options.auditor?.password ?? '',
    },
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000)
  })
  const exited = once(child, 'exit')
  const ready = once(createInterface(child.stdout), 'line')
  const first: unknown[] | null = await Promise.race([ready, exited.then(() => null)])
  const url = /http:\S+$/.exec(String(first?.[0]))?.[0]
  if (url === undefined || child.pid === undefined)
    throw new Error(`the ClickHouse server did not start: ${errors}`)
  return {
    url,
    pid: child.pid,
    close: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function argumentsOf(options: StartClickHouseOptions): readonly string[] {
  const args = ['--data', options.dataDir, '--port', String(options.port ?? 0), '--exit-with-stdin']
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined) args.push(name, value)
  }
  add('--role', options.role)
  add('--serving-grants', options.servingGrantsFile)
  add('--user', options.user)
  add('--auditor-user', options.auditor?.user)
  return args
}
