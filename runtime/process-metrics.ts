import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

/** Memory, CPU time and event loop delay of this process, read at each scrape. */
export function observeProcess(metrics: Metrics, service: string, version: string): void {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  let cpuSeconds = 0
  metrics.set('daybook_build_info', { service, version }, 1)
  metrics.onScrape(() => {
    const { user, system } = process.cpuUsage()
    const now = (user + system) / 1e6
    metrics.add('daybook_process_cpu_seconds_total', {}, now - cpuSeconds)
    cpuSeconds = now
    metrics.set('daybook_process_resident_bytes', {}, process.memoryUsage.rss())
    metrics.set('daybook_event_loop_delay_seconds', {}, delay.percentile(99) / 1e9)
    delay.reset()
  })
}
