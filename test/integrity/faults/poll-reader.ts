import { readView } from './verify/read-clickhouse.ts'

/** A reader that looks at the view all the time: an event must never show twice, nor vanish again. */
export interface PollReader {
  stop(): Promise<{ readonly polls: number; readonly faults: readonly string[] }>
}

const POLL_MS = 200

export function startPollReader(url: string, topicIds: readonly string[]): PollReader {
  const faults: string[] = []
  const stopping = new AbortController()
  let polls = 0
  const reading = (async () => {
    let seen = 0
    while (!stopping.signal.aborted) {
      const view = await readView({ url }, topicIds).catch(() => null)
      if (view !== null) {
        polls++
        if (view.rows !== view.events) faults.push(`a reader saw ${view.rows} rows of ${view.events} events`)
        if (view.events < seen) faults.push(`a reader saw ${seen} events, then ${view.events}`)
        seen = view.events
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await reading
      return { polls, faults }
    },
  }
}
