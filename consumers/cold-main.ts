import { keepCompiledModules } from '../runtime/compile-cache.ts'

keepCompiledModules()
const { readColdConfig } = await import('../runtime/worker-config.ts')
const { runColdWorker } = await import('./cold-worker.ts')
await runColdWorker(readColdConfig(process.env))
