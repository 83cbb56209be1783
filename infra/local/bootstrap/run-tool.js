// Plain JavaScript for any Node from 18 on: this runs before anything is installed.
import { spawn } from 'node:child_process'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const KILLED_AFTER_MS = 5_000

/**
 * Runs a tool to its end, with its output on standard error. Where this process is told to end meanwhile, so is the
 * tool with all that it has started; then this process exits. A second time, or after five seconds, it is killed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 * @returns {Promise<{ status: number | null, error?: Error }>}
 */
export function runTool(command, args, options = {}) {
  return new Promise((resolve) => {
    let child
    let told = false
    const kill = (signal) => {
      try {
        process.kill(-child.pid, signal)
      } catch {
        // It has ended.
      }
    }
    const end = () => {
      kill(told ? 'SIGKILL' : 'SIGTERM')
      if (!told) setTimeout(() => kill('SIGKILL'), KILLED_AFTER_MS)
      told = true
    }
    // Before the tool runs: from then on it must not outlive this process.
    for (const signal of SIGNALS) process.on(signal, end)
    child = spawn(command, args, { ...options, stdio: ['ignore', 2, 2], detached: true })
    const done = (result) => {
      if (told) process.exit(130)
      for (const signal of SIGNALS) process.off(signal, end)
      resolve(result)
    }
    child.once('error', (error) => done({ status: null, error }))
    child.once('close', (status) => done({ status }))
  })
}
