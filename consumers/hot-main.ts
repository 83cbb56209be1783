import { readHotConfig } from '../runtime/worker-config.ts'
import { runHotWorker } from './hot-worker.ts'

await runHotWorker({ config: readHotConfig(process.env) })
