/** Progress of the local stack. A step that takes time is announced, and ends with its result. */
export interface StackLog {
  line(text: string): void
  step(title: string): Step
}

export interface Step {
  /** Ends the step; `detail` may name sizes. The time it took is added. */
  done(detail?: string): void
  fail(detail: string): void
}

export const silentLog: StackLog = { line: () => {}, step: () => ({ done: () => {}, fail: () => {} }) }

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const HEARTBEAT_MS = 15_000
const FRAME_MS = 120
const FRAMES = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇']

/** Writes to a terminal with one moving line for what is under way; elsewhere plain lines only. */
export function terminalLog(output: Output): StackLog {
  const open = new Map<Step, { title: string; startedAt: number }>()
  const animated = output.isTTY === true
  let frame = 0
  let timer: NodeJS.Timeout | undefined

  const clear = () => (animated ? '\r\u001b[2K' : '')
  const say = (text: string) => output.write(`${clear()}${text}\n`)
  const tick = () => {
    const titles = [...open.values()].map((s) => `${s.title} ${seconds(s.startedAt)}`)
    if (animated) {
      frame = (frame + 1) % FRAMES.length
      output.write(`${clear()}${FRAMES[frame]} ${titles.join(' · ').slice(0, 100)}`)
    } else for (const title of titles) say(`… still at it: ${title}`)
  }
  const end = (step: Step, mark: string, detail: string) => {
    const state = open.get(step)
    if (state === undefined) return
    open.delete(step)
    if (open.size === 0) timer = void clearInterval(timer)
    say(`${mark} ${state.title}${detail === '' ? '' : `: ${detail}`} (${seconds(state.startedAt)})`)
  }

  return {
    line: say,
    step: (title) => {
      const step: Step = {
        done: (detail = '') => end(step, '✓', detail),
        fail: (detail) => end(step, '✗', detail),
      }
      open.set(step, { title, startedAt: Date.now() })
      if (!animated) say(`… ${title}`)
      timer ??= setInterval(tick, animated ? FRAME_MS : HEARTBEAT_MS).unref()
      return step
    },
  }
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`
}
