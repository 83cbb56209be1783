import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** `npm run bench -- <name> [--json …]`: runs `bench/<name>/run.ts`; without a name, lists them. */
const here = import.meta.dirname
const names = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(join(here, entry.name)).includes('run.ts'))
  .map((entry) => entry.name)
const name = process.argv[2]
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- <name> [--json]\nbenchmarks: ${names.join(', ')}\n`)
  process.exit(name === undefined ? 0 : 2)
}
process.argv.splice(1, 2, join(here, name, 'run.ts'))
await import(`./${name}/run.ts`)
