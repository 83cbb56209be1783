export interface WorkerLaunch {
  readonly nodeFlags: readonly string[]
  /** The worker's own configuration comes beside it. */
  readonly env: Readonly<Record<string, string>>
}

/** kafkajs makes Node warn of a negative timer at each throttled request. */
const QUIET = ['--disable-warning=TimeoutNegativeWarning']

/**
 * V8's young generation would grow to 128 MiB, and glibc would keep much of what was freed. With `gc` at hand a worker
 * collects before its heap grows large (runtime/memory-guard.ts).
 */
const SMALL: WorkerLaunch = {
  nodeFlags: [...QUIET, '--max-semi-space-size=16', '--expose-gc'],
  env: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '4194304', MALLOC_TRIM_THRESHOLD_: '8388608' },
}

/**
 * How a worker process is started, wherever it is, so that it stays small (docs/decisions/worker-memory.md).
 * docker-compose.yml says the same.
 */
export const WORKER_LAUNCH: Readonly<Record<'hot' | 'cold', WorkerLaunch>> = { hot: SMALL, cold: SMALL }
