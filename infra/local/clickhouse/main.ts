/** Entry: `node infra/local/clickhouse/main.ts --data DIR --port N`; see README.md. */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

// Each running statement holds a thread of libuv's pool, and a waiting one must not stop the others. Read by libuv
// when the pool is first used.
process.env['UV_THREADPOOL_SIZE'] ??= '256'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    user: { type: 'string', default: 'default' },
    'password-file': { type: 'string' },
  },
})
const { openEngine } = await import('./engine.ts')
const { createFifoPool } = await import('./fifo.ts')
const { trackRunning } = await import('./running.ts')
const { serve } = await import('./server.ts')
const dataDir = resolve(values.data ?? '.')
const spoolDir = join(dataDir, 'face')
await mkdir(spoolDir, { recursive: true })
const engine = await openEngine({ dataDir: join(dataDir, 'engine'), engineArgs: [] })
const fifos = await createFifoPool(spoolDir)
const accounts = new Map([[values.user, { name: values.user, password: '', frozen: false }]])
const server = await serve({
  engine,
  fifos,
  accounts,
  running: trackRunning(engine),
  spoolDir,
  host: values.host,
  port: Number(values.port),
})
console.log(`ready http://${values.host}:${server.port}`)
