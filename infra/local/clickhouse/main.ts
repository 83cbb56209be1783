/** Entry: `node infra/local/clickhouse/main.ts --data DIR --port N …`; README.md lists the arguments. */
import { parseArgs } from 'node:util'

// Each running statement holds a thread of libuv's pool, and a waiting one must not stop the others. libuv reads this
// when the pool is first used, hence before anything else is loaded.
process.env['UV_THREADPOOL_SIZE'] ??= '256'

const { startHttpServer } = await import('./http-server.ts')
const { endWithParent } = await import('./parent.ts')
const { optionsFrom } = await import('./options.ts')

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8123' },
    role: { type: 'string', default: 'migrator' },
    'serving-grants': { type: 'string' },
    user: { type: 'string', default: 'default' },
    'password-file': { type: 'string' },
    'auditor-user': { type: 'string' },
    'auditor-password-file': { type: 'string' },
    'exit-with-stdin': { type: 'boolean', default: false },
    'parent-pid': { type: 'string' },
  },
})

const server = await startHttpServer(optionsFrom(values, process.env))
console.log(`ClickHouse ${server.version} as ${values.role} at ${server.url}`)

/** A request that never ends must not keep the process for ever; the tables survive a kill. */
const DRAIN_LIMIT_MS = 30_000

let ending = false
async function end(): Promise<void> {
  if (ending) return
  ending = true
  setTimeout(() => process.exit(1), DRAIN_LIMIT_MS).unref()
  await server.close()
  process.exit(0)
}
process.on('SIGTERM', () => void end())
process.on('SIGINT', () => void end())
const parentPid = values['parent-pid']
endWithParent(
  { exitWithStdin: values['exit-with-stdin'], parentPid: parentPid === undefined ? null : Number(parentPid) },
  () => void end(),
)
