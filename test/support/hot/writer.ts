/** A worker process for tests: claims one partition, delivers ranges, and stops or dies where it is told to. */
import { isRetryable } from '../../../schemas/errors.ts'
import type { Failpoint } from '../../../runtime/failpoints.ts'
import { eventRange } from './events.ts'
import { hotSink } from './database.ts'

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
const say = (line: Readonly<Record<string, unknown>>) => process.stdout.write(`${JSON.stringify(line)}\n`)
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
const attempt = async (first: bigint) => {
  try {
    const [outcome] = await sink.deliver([{ claim, range: eventRange(partition, first, job.count) }], forever)
    say({ outcome })
  } catch (error) {
    say({ thrown: error instanceof Error ? error.name : '', retryable: isRetryable(error) })
    const tip = await claim.tip()
    say({ tip: tip.last === null ? null : Number(tip.last) })
    const [outcome] = await sink.deliver([{ claim, range: eventRange(partition, (tip.last ?? -1n) + 1n, job.count) }], forever)
    say({ outcome })
  }
}
await attempt(0n)
await sink.close()
