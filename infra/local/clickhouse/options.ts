import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Account } from './accounts.ts'
import type { HttpServerOptions } from './http-server.ts'

/** The command line as `parseArgs` gives it. */
export interface CommandLine {
  readonly data?: string | undefined
  readonly host: string
  readonly port: string
  readonly role: string
  readonly 'serving-grants'?: string | undefined
  readonly user: string
  readonly 'password-file'?: string | undefined
  readonly 'auditor-user'?: string | undefined
  readonly 'auditor-password-file'?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** Throws with the argument's name when one is missing or wrong. */
export function optionsFrom(line: CommandLine, env: Environment): HttpServerOptions {
  if (line.data === undefined) throw new Error('--data DIR is missing: the directory that holds the tables')
  const port = Number(line.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${line.port} is not a port`)
  if (line.role !== 'migrator' && line.role !== 'serving') {
    throw new Error(`--role ${line.role} is neither migrator nor serving`)
  }
  return {
    dataDir: resolve(line.data),
    host: line.host,
    port,
    role: line.role,
    servingGrantsFile: line['serving-grants'] ?? null,
    accounts: accounts(line, env),
  }
}

function accounts(line: CommandLine, env: Environment): readonly Account[] {
  const password = secret(line['password-file'], env['DAYBOOK_CLICKHOUSE_PASSWORD'])
  const list: Account[] = [{ name: line.user, password, frozen: false }]
  const auditor = line['auditor-user']
  if (auditor !== undefined) {
    const auditorPassword = secret(line['auditor-password-file'], env['DAYBOOK_CLICKHOUSE_AUDITOR_PASSWORD'])
    list.push({ name: auditor, password: auditorPassword, frozen: true })
  }
  return list
}

function secret(file: string | undefined, fallback: string | undefined): string {
  return file === undefined ? (fallback ?? '') : readFileSync(file, 'utf8').trimEnd()
}
