import { keepCompiledModules } from '../runtime/compile-cache.ts'

keepCompiledModules()
const { readHotConfig } = await import('../runtime/worker-config.ts')
const { configOrExit } = await import('./worker.ts')
const { runHotWorker } = await import('./hot-worker.ts')
await runHotWorker({ config: configOrExit('hot', () => readHotConfig(process.env)) })
