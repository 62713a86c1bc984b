import { readFileSync } from 'node:fs'

/** Ticks of `/proc/<pid>/stat` in a second, on every Linux that Node runs on. */
const TICKS = 100

/** Seconds of processor time that the children of this process have used which have ended, and theirs. */
export function childSeconds(): number {
  return ticksOf(readFileSync('/proc/self/stat', 'utf8')).slice(2).reduce(sum, 0) / TICKS
}

/** Seconds of processor time that a line of `/proc/<pid>/stat` tells of, ended children left out. */
export function secondsOf(stat: string): number {
  return ticksOf(stat).slice(0, 2).reduce(sum, 0) / TICKS
}

/** utime, stime, cutime and cstime: the fields 14 to 17, of which the first two stand before the name's bracket. */
function ticksOf(stat: string): readonly number[] {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).map(Number)
}

function sum(total: number, value: number): number {
  return total + value
}
