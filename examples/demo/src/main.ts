import { parseOptions, USAGE } from './options.ts'
import { play } from './story/play.ts'

let options: ReturnType<typeof parseOptions>
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exit(2)
}
if (options === 'help') {
  console.log(USAGE)
  process.exit(0)
}
// Connections to databases that may be gone would keep the process.
process.exit(await play(options))
