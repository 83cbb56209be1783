import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DaybookError } from '../../../schemas/errors.ts'

/**
 * Checks that `dir` holds exactly the files of `list` (lines of `<sha-256>  <file name>`) with exactly that
 * content. A file too many is as wrong as one too few: it would be on the class path.
 */
export async function verifyChecksums(dir: string, list: string): Promise<void> {
  const expected = new Map(
    readFileSync(list, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(66), line.slice(0, 64)] as const),
  )
  const faults: string[] = []
  for (const name of readdirSync(dir)) {
    const pinned = expected.get(name)
    expected.delete(name)
    if (pinned === undefined) faults.push(`${name} is not in the list`)
    else if ((await sha256(join(dir, name))) !== pinned) faults.push(`${name} has other content`)
  }
  faults.push(...[...expected.keys()].map((name) => `${name} is missing`))
  if (faults.length > 0)
    throw new DaybookError(
      'DAYBOOK_LOCAL_CHECKSUM',
      `what was downloaded is not what is pinned in ${list}: ${faults.join('; ')}. Nothing of it was used.`,
    )
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
