// Checks the machine and installs what is missing. `npm test` and `npm run check` begin with it; plain JavaScript for
// any Node from 18 on.
//
//   node infra/local/bootstrap/prepare.js [--tools-only]
import { fileURLToPath } from 'node:url'
import { install } from './install.js'
import { missingRequirements } from './requirements.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const say = (line) => process.stderr.write(`${line}\n`)

/**
 * @param {{ stack: boolean }} options whether servers will run on this machine
 * @returns {Promise<string>} the pinned Node's binary
 */
export async function prepare({ stack }) {
  const missing = missingRequirements({ root: ROOT, env: process.env, stack })
  if (missing.length > 0) {
    say('This machine lacks:')
    for (const { what, found, remedy } of missing) say(`  ✗ ${what} (found: ${found})\n      ${remedy}`)
    process.exit(1)
  }
  try {
    return await install({ root: ROOT, say })
  } catch (error) {
    say(`✗ ${error.message}`)
    return process.exit(1)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await prepare({ stack: !process.argv.includes('--tools-only') })
