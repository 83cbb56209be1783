import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, cacheRoot } from '../../infra/local/artifacts/cache.ts'
import { kafkaArtifact } from '../../infra/local/artifacts/kafka.ts'
import { terminalLog } from '../../infra/local/log.ts'
import { startStack } from '../../infra/local/stack.ts'

/**
 * Starts one stack for all tests that need real components: free ports, a folder of its own, gone afterwards. Where
 * DAYBOOK_TEST_STACK is set already, that stack is used; with DAYBOOK_TEST_CONTAINERS=1, servers in containers.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  const log = terminalLog(process.stderr)
  const cache = cacheRoot(process.env)
  // With them some tests compare with Kafka's own client. They cannot be left out.
  process.env['DAYBOOK_KAFKA_JARS'] ??= await cached(cache, kafkaArtifact(cache), log)
  if (process.env['DAYBOOK_TEST_STACK'] !== undefined) return undefined
  if (process.env['DAYBOOK_TEST_CONTAINERS'] === '1') return await setUpContainers()
  const dataDir = mkdtempSync(join(tmpdir(), 'daybook-test-'))
  const stack = await startStack({ dataDir, ports: 'free', log })
  process.env['DAYBOOK_TEST_STACK'] = JSON.stringify(stack.endpoints)
  return async () => {
    await stack.stop()
    if (process.env['DAYBOOK_KEEP_TEST_DATA'] === undefined) rmSync(dataDir, { recursive: true, force: true })
    else log.line(`kept ${dataDir}`)
  }
}

/** Loaded only where it is wanted: without a Docker engine there is nothing to load it for. */
async function setUpContainers(): Promise<() => Promise<void>> {
  const { startContainers } = await import('./containers.ts')
  const { stack, stop } = await startContainers()
  process.env['DAYBOOK_TEST_STACK'] = JSON.stringify(stack)
  return stop
}
