/** Puts the local server together: data directory, role, engine, server. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './accounts.ts'
import { openEngine } from './engine.ts'
import { serve } from './http-listener.ts'
import { createPipePool } from './named-pipes.ts'
import { type Role, writeRoleConfig } from './roles.ts'
import { trackRunning } from './running.ts'
import { createSessions } from './sessions.ts'

export interface HttpServerOptions {
  readonly dataDir: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly role: Role
  /** GRANTs besides those of the roles in schemas/sql; null: serving-grants.sql beside this file. */
  readonly servingGrantsFile: string | null
  readonly accounts: readonly Account[]
}

export interface LocalClickHouse {
  readonly url: string
  readonly version: string
  /** Takes no new requests; returns when the running ones have ended and the engine has closed its tables. */
  close(): Promise<void>
}

/** One process may hold a data directory, and a process may hold one. */
export async function startHttpServer(options: HttpServerOptions): Promise<LocalClickHouse> {
  // A directory per process: one that is refused the data directory must not touch the holder's.
  const spoolRoot = join(options.dataDir, 'requests')
  const spoolDir = join(spoolRoot, String(process.pid))
  await rm(spoolDir, { recursive: true, force: true })
  await mkdir(spoolDir, { recursive: true })
  const configFile = await writeRoleConfig(spoolDir, options.role, options.servingGrantsFile)
  const engine = await openEngine({
    dataDir: join(options.dataDir, 'engine'),
    engineArgs: [`--config-file=${configFile}`],
  })
  // The engine has the data directory now, so what else lies there was left by processes that were killed.
  for (const name of await readdir(spoolRoot)) {
    if (name !== String(process.pid)) await rm(join(spoolRoot, name), { recursive: true, force: true })
  }
  const sessions = createSessions(engine)
  const server = await serve({
    engine,
    accounts: new Map(options.accounts.map((account) => [account.name, account])),
    pipes: await createPipePool(spoolDir),
    running: trackRunning(engine),
    sessions,
    spoolDir,
    host: options.host,
    port: options.port,
  })
  return {
    url: `http://${options.host}:${server.port}`,
    version: engine.version,
    close: async () => {
      await server.close()
      sessions.close()
      engine.close()
      await rm(spoolDir, { recursive: true, force: true })
    },
  }
}
