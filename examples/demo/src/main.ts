import { parseOptions, USAGE } from './options.ts'
import { freshPaths, type Paths } from './story/paths.ts'
import { play } from './story/play.ts'

let options: ReturnType<typeof parseOptions>
let paths: Paths
try {
  options = parseOptions(process.argv.slice(2))
  if (options === 'help') {
    console.log(USAGE)
    process.exit(0)
  }
  paths = freshPaths(options.data)
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exit(2)
}
const code = await play(options, paths)
paths.release()
// Connections to databases that may be gone would keep the process.
process.exit(code)
