/** A line on a terminal that says how far a long command is. Silent where standard error is no terminal. */
export interface Progress {
  /** Counts `n` more done. */
  add(n: number): void
  /** Ends the line, leaving the final count. */
  end(): void
}

const REFRESH_MS = 200

export function createProgress(options: {
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly what: string
  readonly now: () => number
}): Progress {
  if (options.stream.isTTY !== true) return { add: () => {}, end: () => {} }
  const startedAt = options.now()
  let done = 0
  let shownAt = 0
  const show = () => {
    shownAt = options.now()
    const seconds = Math.max((shownAt - startedAt) / 1_000, 0.001)
    options.stream.write(`\r\u001b[K${done} ${options.what}, ${Math.round(done / seconds)}/s`)
  }
  return {
    add: (n) => {
      done += n
      if (options.now() - shownAt >= REFRESH_MS) show()
    },
    end: () => {
      show()
      options.stream.write('\n')
    },
  }
}
