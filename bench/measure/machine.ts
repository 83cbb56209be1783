import { cpus, release, totalmem } from 'node:os'

/** What a committed result says of the machine that it was measured on. */
export function machine(): Record<string, string | number> {
  const cores = cpus()
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  }
}
