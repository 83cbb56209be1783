// Plain JavaScript for any Node from 18 on: this runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statfsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** @typedef {{ what: string, found: string, remedy: string }} Missing */

const GIGABYTE = 1e9

/**
 * All that this machine lacks, found in one go, so that nobody has to come back for the next thing.
 * @param {{ root: string, env: Record<string, string | undefined>, stack: boolean }} options `stack`: servers
 *   will run here, not only tools
 * @returns {Missing[]}
 */
export function missingRequirements({ root, env, stack }) {
  const missing = [
    ...platform(),
    ...npm(),
    ...disk(root, 'the repository', existsSync(join(root, 'node_modules')) ? 0.2 : 1.5),
  ]
  if (!stack) return missing
  const cache = env.DAYBOOK_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'daybook')
  const here = (name) => existsSync(join(cache, name))
  const brokers = !env.DAYBOOK_KAFKA_BROKERS
  const registry = !env.DAYBOOK_REGISTRY_URL
  if (brokers || registry) missing.push(...java())
  if ((brokers && !here('kafka-4.1.0')) || (registry && !here('apicurio-3.0.9'))) missing.push(...maven())
  if (!env.DAYBOOK_S3_ENDPOINT && !here('versitygw-1.8.0'))
    missing.push(...go(), ...disk(cache, 'the cache of components', 2))
  return missing
}

function platform() {
  const missing = []
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 18 || (major === 18 && minor < 15))
    missing.push({
      what: 'Node 18.15 or newer',
      found: process.version,
      remedy: 'install Node 20 or newer from nodejs.org; Daybook brings the version it runs on itself',
    })
  const supported = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']
  const here = `${process.platform}-${process.arch}`
  if (!supported.includes(here))
    missing.push({
      what: `one of ${supported.join(', ')}`,
      found: here,
      remedy: 'run it there, or set DAYBOOK_CLICKHOUSE_URL to a server and use WSL on Windows',
    })
  if (process.platform === 'linux') {
    const glibc = process.report?.getReport?.().header?.glibcVersionRuntime
    if (!glibc || older(glibc, [2, 28]))
      missing.push({
        what: 'glibc 2.28 or newer',
        found: glibc ? `glibc ${glibc}` : 'another C library',
        remedy:
          'use Debian 10+, Ubuntu 20.04+, RHEL 8+ or newer; Alpine (musl) cannot run the ClickHouse engine',
      })
  }
  return missing
}

const npm = () =>
  tool('npm', ['--version'], [8, 0], 'npm 8 or newer', 'it comes with Node; on Debian: apt install npm')
const maven = () =>
  tool(
    'mvn',
    ['--version'],
    [3, 6],
    'Maven 3.6 or newer',
    'Debian: apt install maven · macOS: brew install maven',
  )
const java = () =>
  tool(
    'java',
    ['-version'],
    [17, 0],
    'Java 17 or newer',
    'Debian: apt install openjdk-17-jre-headless · macOS: brew install openjdk@17',
  )
const go = () =>
  tool(
    'go',
    ['version'],
    [1, 21],
    'Go 1.21 or newer',
    'from go.dev/dl (Debian 12 has 1.19, which is too old) · macOS: brew install go',
  )

/** The first number with a dot that the tool prints must be `least` or newer. */
function tool(command, args, least, what, remedy) {
  const answer = spawnSync(command, args, { encoding: 'utf8' })
  if (answer.error || answer.status !== 0) return [{ what, found: `no working ${command} in PATH`, remedy }]
  const version = /(\d+)(\.\d+)+|(?<=version ")\d+/.exec(`${answer.stdout}${answer.stderr}`)?.[0] ?? '0'
  return older(version, least) ? [{ what, found: `${command} ${version}`, remedy }] : []
}

function older(version, [major, minor]) {
  const [thisMajor, thisMinor = 0] = version.split('.').map(Number)
  return thisMajor < major || (thisMajor === major && thisMinor < minor)
}

function disk(dir, name, gigabytes) {
  try {
    mkdirSync(dir, { recursive: true })
    const { bavail, bsize } = statfsSync(dir)
    const free = (bavail * bsize) / GIGABYTE
    if (free >= gigabytes) return []
    return [
      {
        what: `${gigabytes} GB free for ${name}`,
        found: `${free.toFixed(1)} GB in ${dir}`,
        remedy: 'free some space, or set DAYBOOK_CACHE to a folder on another disk',
      },
    ]
  } catch (error) {
    return [
      {
        what: `a folder to write to for ${name}`,
        found: `${error.message}`,
        remedy: 'make it writable, or set DAYBOOK_CACHE to another folder',
      },
    ]
  }
}
