import type { Register } from '../command.ts'
import { addLs } from './ls.ts'
import { addReplay } from './replay.ts'

export const registerQuarantine: Register = (program, context) => {
  const quarantine = program
    .command('quarantine')
    .summary('records that are no events')
    .description('Records that are no events: they are kept with their bytes and the reason.')
  for (const add of [addLs, addReplay]) add(quarantine, context)
}
