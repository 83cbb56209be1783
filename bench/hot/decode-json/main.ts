import { keepCompiledModules } from '../../../runtime/compile-cache.ts'

keepCompiledModules()
const { runHotWorker } = await import('../../../consumers/hot-worker.ts')
const { readHotConfig } = await import('../../../runtime/worker-config.ts')
const { decodeJsonEncoding } = await import('./encoding.ts')
await runHotWorker({ config: readHotConfig(process.env), encoding: decodeJsonEncoding() })
