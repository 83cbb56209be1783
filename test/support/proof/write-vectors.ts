/** Writes proof/vectors/v1.json anew. The format is frozen, so a difference is a fault in the code. */
import { writeFileSync } from 'node:fs'
import { makeVectors } from './vectors.ts'

const path = new URL('../../../proof/vectors/v1.json', import.meta.url)
writeFileSync(path, `${JSON.stringify(makeVectors(), null, 2)}\n`)
