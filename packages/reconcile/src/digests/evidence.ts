import { createHash } from 'node:crypto'
import type { ComparedPage } from '../pages.ts'

/** What a sweep can show for its pages: one digest over those of all leaves, as long as every leaf agreed at first sight. */
export interface Evidence {
  add(page: Pick<ComparedPage, 'rows' | 'digest'>): void
  readonly digest: string | undefined
}

export function createEvidence(): Evidence {
  const hash = createHash('sha256')
  let whole = true
  let leaves = 0
  return {
    add({ rows, digest }) {
      whole &&= digest !== undefined
      leaves++
      hash.update(`${rows} ${digest}\n`)
    },
    get digest() {
      return whole && leaves > 0 ? hash.copy().digest('hex') : undefined
    },
  }
}
