import { keepCompiledModules } from '../runtime/compile-cache.ts'

keepCompiledModules()
const { readHotConfig } = await import('../runtime/worker-config.ts')
const { runHotWorker } = await import('./hot-worker.ts')
await runHotWorker({ config: readHotConfig(process.env) })
