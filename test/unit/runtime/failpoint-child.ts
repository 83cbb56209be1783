import { writeSync } from 'node:fs'
import { failpointsFromFd } from '../../../runtime/failpoint-pipe.ts'

/** Takes three steps, each between two failpoints, and says on standard output what it has done. */
const failpoints = await failpointsFromFd(process.env['DAYBOOK_FAILPOINT_FD'])
for (let step = 1; step <= 3; step++) {
  await failpoints.hit('send.before')
  writeSync(1, `sent ${step}\n`)
  await failpoints.hit('send.after')
}
