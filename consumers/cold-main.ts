import { keepCompiledModules } from '../runtime/compile-cache.ts'

keepCompiledModules()
const { readColdConfig } = await import('../runtime/worker-config.ts')
const { configOrExit } = await import('./worker.ts')
const { runColdWorker } = await import('./cold-worker.ts')
await runColdWorker(configOrExit('cold', () => readColdConfig(process.env)))
