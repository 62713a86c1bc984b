import type { BossProgress } from '@twinspan/pg-boss'
import type { Worker } from './team.ts'

const WIDTH = 24

/** `backfill [######......]  31 %  3 of 16 shards   1: copies 4   2: killed   ...` */
export function progressLine(
  what: string,
  { rows, done, shards, sweep, sweptAt }: BossProgress,
  total: number,
  workers: readonly Worker[],
): string {
  const isSweep = what === 'sweep'
  const reached = isSweep ? sweep.rows : rows
  const isOver = isSweep ? sweptAt !== null : done
  const share = isOver ? 1 : Math.min(1, reached / Math.max(1, total))
  const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const parts = isOver
    ? 'done'
    : `${isSweep ? sweep.swept : shards.copied} of ${isSweep ? sweep.total : shards.total} shards`
  const team = workers.map(({ number, at }) => `${number}: ${at}`.padEnd(13)).join(' ')
  return `${what.padEnd(8)} [${bar}] ${percent}  ${parts.padEnd(15)} ${team}`.trimEnd()
}
