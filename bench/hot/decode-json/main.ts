import { runHotWorker } from '../../../consumers/hot-worker.ts'
import { readHotConfig } from '../../../runtime/worker-config.ts'
import { decodeJsonEncoding } from './encoding.ts'

await runHotWorker({ config: readHotConfig(process.env), encoding: decodeJsonEncoding() })
