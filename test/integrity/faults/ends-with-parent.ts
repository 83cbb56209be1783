/** Loaded into workers before their main file: when the harness is killed, they do not stay behind. */
const PARENT = process.ppid
const LOOK_MS = 500

setInterval(() => {
  if (process.ppid !== PARENT) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS).unref()
