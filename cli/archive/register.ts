import type { Register } from '../command.ts'
import { addGet } from './get.ts'
import { addInit } from './init.ts'
import { addLs } from './ls.ts'

export const registerArchive: Register = (program, context) => {
  const archive = program
    .command('archive')
    .summary('the locked archive')
    .description('The archive in S3 under Object Lock.')
  for (const add of [addLs, addGet, addInit]) add(archive, context)
}
