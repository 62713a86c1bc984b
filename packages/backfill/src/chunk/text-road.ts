import type { DigestColumn, SideName } from '@twinspan/core'
import type { Job } from '../job.ts'
import { Outage, reach } from '../reach.ts'
import type { ChunkClock } from '../throttle/pace.ts'
import type { Stretch } from './compare-range.ts'

/** How both sides name and write the columns of rows that travel as text. */
export type TextPlan = Readonly<Record<SideName, readonly DigestColumn[]>>

/**
 * The short way for entities that declare to do nothing but rename columns: one side's server writes the values of a chunk as
 * text, the other one reads them, and nobody makes an object of a row. It is taken once it has been shown, on rows that took
 * the long way, that both come to the same.
 */
export interface TextRoad {
  /** `undefined` while nothing is shown, or where the short way does not lead there. */
  readonly plan: TextPlan | undefined
  /** Looks at rows that were translated and inserted one by one. */
  prove(clock: ChunkClock, stretch: Stretch, rows: readonly unknown[], translated: readonly unknown[]): Promise<void>
}

type Row = Readonly<Record<string, unknown>>

/** Chunks that may fail to show it: live writes may stand in the way, and columns that hold nothing but NULL. */
const TRIES = 10

export function createTextRoad(job: Job): TextRoad {
  const { entity } = job
  let triesLeft = entity.columns === undefined ? 0 : TRIES
  let draft: TextPlan | undefined
  let plan: TextPlan | undefined

  return {
    get plan() {
      return plan
    },
    async prove(clock, { after, through }, rows, translated) {
      if (triesLeft === 0 || plan !== undefined || rows.length === 0 || through === null) return
      triesLeft -= 1
      draft ??= await planOf(job)
      if (
        draft === undefined ||
        !rows.every((row, at) => isRenamed(entity.columns, row as Row, translated[at] as Row))
      ) {
        triesLeft = 0
        return
      }
      if (!showsEveryForm(draft, rows as readonly Row[])) return
      const stretch = { ...(after === null ? {} : { after }), through }
      const { legacy, target } = draft
      try {
        const [theirs, ours] = await Promise.all([
          clock.legacy(() => reach('legacy', async () => entity.legacy.digest?.([stretch], legacy))),
          reach('target', async () => entity.target.digest?.([stretch], target)),
        ])
        const [left, right] = [theirs?.[0], ours?.[0]]
        if (left !== undefined && left.rows === right?.rows && left.digest === right.digest) plan = draft
      } catch (error) {
        // A session that writes values in another way makes no digests. The long way is there.
        if (error instanceof Outage) throw error
        triesLeft = 0
      }
    },
  }
}

/** Forms that both sides can write for every column; `undefined` where there are none. */
async function planOf({ entity, migration }: Job): Promise<TextPlan | undefined> {
  const { legacy, target, columns } = entity
  if (columns === undefined || migration.sides.target.opaque !== undefined) return undefined
  if (legacy.keyAt === undefined || legacy.digest === undefined || target.digest === undefined) return undefined
  if (legacy.bulk?.readTexts === undefined || target.bulk?.insertTexts === undefined) return undefined
  const [left, right] = [await legacy.forms?.(), await target.forms?.()]
  const plan: Record<SideName, DigestColumn[]> = { legacy: [], target: [] }
  for (const [from, to] of Object.entries(columns)) {
    const [one, other] = [left?.get(from), right?.get(to)]
    const form = one?.forms.find((candidate) => other?.forms.includes(candidate))
    if (one === undefined || other === undefined || form === undefined) return undefined
    const nullable = one.nullable || other.nullable
    plan.legacy.push({ name: from, form, nullable })
    plan.target.push({ name: to, form, nullable })
  }
  return plan
}

/** Whether the translation handed over the very values, and these alone. */
function isRenamed(columns: Readonly<Record<string, string>> = {}, row: Row, translated: Row): boolean {
  const pairs = Object.entries(columns)
  const named = Object.keys(translated).filter((name) => translated[name] !== undefined)
  return named.length <= pairs.length && pairs.every(([from, to]) => Object.is(row[from], translated[to]))
}

/** Of these, what two engines and a driver make may differ from value to value: zones, fractions, exponents. */
const DELICATE = new Set(['double', 'date', 'time', 'datetime', 'instant'])

function showsEveryForm({ legacy }: TextPlan, rows: readonly Row[]): boolean {
  return legacy.every(
    ({ name, form }) => !DELICATE.has(form) || rows.some((row) => row[name] !== null && row[name] !== undefined),
  )
}
