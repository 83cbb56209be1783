/** A worker process for tests: claims one partition, delivers ranges, and stops or dies where it is told to. */
import type { RangeOutcome, Tip } from '../../../consumers/engine/contracts.ts'
import type { Failpoint } from '../../../runtime/failpoints.ts'
import { DaybookError, isRetryable } from '../../../schemas/errors.ts'
import { hotSink } from './database.ts'
import { eventRange } from './events.ts'

interface Job {
  readonly database: string
  readonly topic: string
  readonly topicId: string
  readonly count: number
  readonly at: Failpoint
  /** What the process does to itself there. */
  readonly signal: 'SIGSTOP' | 'SIGKILL'
}

const job: Job = JSON.parse(process.argv[2] ?? '{}')
const say = (line: Readonly<Record<string, unknown>>) =>
  process.stdout.write(`${JSON.stringify({ ...line, at: Date.now() })}\n`)
const forever = new AbortController().signal
const partition = { topic: job.topic, topicId: job.topicId, partition: 0 }
let hits = 0

const sink = hotSink(
  { name: job.database },
  {
    failpoints: {
      hit: (name) => {
        if (name !== job.at || hits++ > 0) return undefined
        return stop()
      },
    },
  },
)

async function stop(): Promise<void> {
  // What was written to the socket has left the process when the timer fires.
  await new Promise((resolve) => setTimeout(resolve, 50))
  say({ stopping: job.at })
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.kill(process.pid, job.signal)
}

const claim = await sink.claim(partition, forever)
say({ claimed: true })

/** As the engine does: after an ambiguous failure the tip is asked until it answers, then the rest is delivered. */
async function deliver(first: bigint): Promise<RangeOutcome | undefined> {
  try {
    const [outcome] = await sink.deliver([{ claim, range: eventRange(partition, first, job.count) }], forever)
    return outcome
  } catch (error) {
    if (!isRetryable(error)) throw error
    say({ failed: error instanceof DaybookError ? error.details : null })
    const { last } = await tip()
    return deliver((last ?? -1n) + 1n)
  }
}

async function tip(): Promise<Tip> {
  for (;;) {
    try {
      return await claim.tip()
    } catch (error) {
      if (!isRetryable(error)) throw error
    }
  }
}

say({ outcome: await deliver(0n) })
await sink.close()
