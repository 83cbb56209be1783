// Plain JavaScript for any Node from 18 on: this runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from './run-tool.js'

const LOCK_POLL_MS = 300

/**
 * Brings node_modules to what package-lock.json says, by `npm ci`, and builds the SDK, unless that is done already.
 * @param {{ root: string, say: (line: string) => void }} options
 * @returns {Promise<string>} the pinned Node's binary
 */
export async function install({ root, say }) {
  const node = join(root, 'node_modules', '.bin', 'node')
  if (fresh(root) && sdkIsBuilt(root)) return node
  const release = await takeLock(join(root, '.daybook', 'install.lock'), say)
  try {
    if (!fresh(root)) await installNow(root, say)
    if (!sdkIsBuilt(root)) await buildSdk(root, node)
  } finally {
    release()
  }
  return node
}

/** The example imports the SDK as applications do: built. */
async function buildSdk(root, node) {
  const { status, error } = await runTool(node, [join(root, 'producers/sdk/build.ts')])
  if (error || status !== 0) throw new Error('the SDK could not be built: see the message above')
}

function sdkIsBuilt(root) {
  const built = statSync(join(root, 'producers/sdk/dist/esm'), { throwIfNoEntry: false })
  return (
    built !== undefined &&
    built.mtimeMs > newest(join(root, 'producers/sdk/src')) &&
    built.mtimeMs > newest(join(root, 'schemas'))
  )
}

function newest(dir) {
  return readdirSync(dir, { withFileTypes: true }).reduce((latest, entry) => {
    const path = join(dir, entry.name)
    return Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }, 0)
}

async function installNow(root, say) {
  if (!packagesMatch(root)) {
    say('… npm ci (550 MB, most of it the ClickHouse engine)')
    const startedAt = Date.now()
    await npm(root, ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
    say(`✓ npm ci (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`)
  }
  // npm 12, or a user who set ignore-scripts, leaves the package of the pinned Node without its binary.
  if (!pinnedNodeRuns(root))
    await npm(root, ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'])
  if (!pinnedNodeRuns(root))
    throw new Error(
      'node_modules/.bin/node does not run: delete node_modules and run `npm ci --ignore-scripts=false`',
    )
  writeFileSync(stampFile(root), lockHash(root))
}

async function npm(root, args) {
  const { status, error } = await runTool('npm', args, { cwd: root })
  if (error || status !== 0)
    throw new Error(
      `npm ${args[0]} failed (${error?.message ?? `status ${status}`}): see its message above; start again when it is mended`,
    )
}

const stampFile = (root) => join(root, 'node_modules', '.daybook-installed')

function lockHash(root) {
  const lock = readFileSync(join(root, 'package-lock.json'))
  return createHash('sha256').update(`${process.platform}-${process.arch}\n`).update(lock).digest('hex')
}

function fresh(root) {
  const stamp = stampFile(root)
  return (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === lockHash(root) &&
    existsSync(join(root, 'node_modules', '.bin', 'node'))
  )
}

/** Compares each installed package with the lock file, so that an install made by hand is not done again. */
function packagesMatch(root) {
  const { packages } = readJson(join(root, 'package-lock.json'))
  return Object.entries(packages).every(([path, entry]) => {
    if (path === '') return true
    const manifest = join(root, path, 'package.json')
    if (!existsSync(manifest)) return entry.optional === true && !builtForThisMachine(entry)
    return entry.link === true || entry.version === undefined || readJson(manifest).version === entry.version
  })
}

function builtForThisMachine(entry) {
  const fits = (list, value) => list === undefined || list.includes(value)
  if (entry.os === undefined && entry.cpu === undefined) return false
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && !entry.libc?.includes('musl')
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function pinnedNodeRuns(root) {
  const { version } = readJson(join(root, 'package-lock.json')).packages['node_modules/node']
  const answer = spawnSync(join(root, 'node_modules', '.bin', 'node'), ['--version'], { encoding: 'utf8' })
  return answer.stdout?.trim() === `v${version}`
}

/** Two first starts at once: one installs, the other waits. A lock whose process is gone does not count. */
async function takeLock(path, say) {
  mkdirSync(join(path, '..'), { recursive: true })
  for (let waits = 0; ; waits++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!holderLives(path)) rmSync(path, { force: true })
    else if (waits === 0) say('another process is installing; waiting for it')
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
  }
}

function holderLives(path) {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
