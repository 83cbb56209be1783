// `npm start`: Daybook on this machine, from nothing. Plain JavaScript for any Node from 18 on; all it does is to
// check the machine, install, and go on in infra/local/start.ts under the Node version that package.json pins.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { prepare } from './infra/local/bootstrap/prepare.js'

const HELP = `npm start [-- OPTIONS]

Starts Kafka, a schema registry, ClickHouse and S3 with Object Lock on this machine, without Docker, then Daybook's
workers and an example service, and shows what arrived. Stays up until Ctrl-C; data stays in .daybook/.

  --once      the same in a temporary folder, then drains, stops everything and exits
  --json      the last line of standard output is one JSON object with counts and endpoints
  --fresh     deletes .daybook/ first
  --help      this text

DAYBOOK_KAFKA_BROKERS, DAYBOOK_REGISTRY_URL, DAYBOOK_CLICKHOUSE_URL and DAYBOOK_S3_ENDPOINT name servers to be used
instead of local ones. DAYBOOK_DATA_DIR is where data stays (default .daybook), DAYBOOK_CACHE where downloaded
components are kept (default ~/.cache/daybook).
`
const KNOWN = ['--once', '--json', '--fresh', '--help', '-h']
const args = process.argv.slice(2)
const unknown = args.filter((arg) => !KNOWN.includes(arg))

if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(HELP)
} else if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(' ')}\n\n${HELP}`)
  process.exitCode = 2
} else {
  const node = await prepare({ stack: true })
  goOn(node)
}

function goOn(node) {
  const main = fileURLToPath(new URL('./infra/local/start.ts', import.meta.url))
  // The child ends when its standard input does, so it cannot outlive this process, however this one ends.
  const child = spawn(node, ['--disable-warning=TimeoutNegativeWarning', main, '--parent-pipe', ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  child.stdin.on('error', () => {})
  child.on('exit', (code) => process.exit(code ?? 1))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  endWithParents(() => child.stdin.end())
}

/** npm puts itself, and maybe a shell, between the caller and this process: when one of them goes, so does this. */
function endWithParents(end) {
  if (process.env.npm_lifecycle_event === undefined) return
  const lineage = ancestors()
  const timer = setInterval(() => {
    if (ancestors().join() === lineage.join()) return
    clearInterval(timer)
    end()
  }, 500)
  timer.unref()
}

function ancestors() {
  const parent = process.ppid
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
    return [parent, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]]
  } catch {
    return [parent]
  }
}
