import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of `/proc/<pid>/stat` in a second, on every Linux that Node runs on. */
const TICKS = 100

/**
 * Seconds of processor time that this process and the database servers of this machine have used since they began. Children
 * that ended count with their parent, so that a connection that was closed is not forgotten.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 + serverSeconds()
}

function serverSeconds(): number {
  let ticks = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      const rest = stat.slice(stat.lastIndexOf(')') + 2)
      if (name !== 'postgres' && name !== 'mariadbd' && name !== 'mysqld') continue
      const fields = rest.split(' ').map(Number)
      // utime, stime, cutime and cstime are the fields 14 to 17; the first two stand before `rest`.
      ticks += fields.slice(11, 15).reduce((sum, value) => sum + value, 0)
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / TICKS
}
