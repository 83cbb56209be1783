import type { Register } from '../command.ts'
import { addAcceptGap } from './accept-gap.ts'
import { addAcceptTopic } from './accept-topic.ts'
import { addRewind } from './rewind.ts'
import { addShow } from './show.ts'

export const registerOffsets: Register = (program, context) => {
  const offsets = program
    .command('offsets')
    .description('Positions of the workers, and what operators accept.')
  for (const add of [addShow, addRewind, addAcceptGap, addAcceptTopic]) add(offsets, context)
}
