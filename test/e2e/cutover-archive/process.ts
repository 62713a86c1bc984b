/**
 * A process that archives: `node process.ts <directory of the databases> <directory of the archive> <entity> <rows>`. It is killed
 * once it has written so many rows of that entity; with `none` it tells its parent the memory that it needed, in bytes.
 */
import { createCutover } from '@twinspan/cutover'
import { openComplete } from './world.ts'

const [directory = '', to = '', fatal = 'none', rows = '0'] = process.argv.slice(2)
const { migration, close } = await openComplete(directory)
let peak = process.memoryUsage.rss()
const { kept, verified } = await createCutover(migration).archive({
  to,
  onProgress(progress) {
    peak = Math.max(peak, process.memoryUsage.rss())
    if (progress.entity === fatal && progress.rows >= Number(rows)) process.kill(process.pid, 'SIGKILL')
  },
})
peak = Math.max(peak, process.memoryUsage.rss())
await close()
process.send?.({ kept, rows: verified.rows, peak })
