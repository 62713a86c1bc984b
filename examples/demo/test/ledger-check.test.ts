import { describe, expect, it } from 'vitest'
import { checkLedger } from '../src/audit/ledger-check.ts'
import type { LedgerEntry } from '../src/traffic/ledger.ts'

let n = 0
function write(
  state: LedgerEntry['state'],
  sent: number,
  answered: number,
  more: Partial<LedgerEntry> = {},
): LedgerEntry {
  return {
    n: ++n,
    entity: 'place',
    key: 7,
    operation: 'replace',
    state,
    sent,
    answered,
    outcome: 'acknowledged',
    ...more,
  }
}
const found = (state: LedgerEntry['state']) => () => state

describe('the ledger', () => {
  it('is satisfied when the last acknowledged write is there', () => {
    const writes = [write({ name: 'a' }, 1, 2), write({ name: 'b' }, 3, 4)]
    expect(checkLedger(writes, found({ name: 'b', other: 1 })).lost).toEqual([])
  })

  it('names a write whose effect is missing', () => {
    const writes = [write({ name: 'a', size: 1 }, 1, 2), write({ name: 'b', size: 1 }, 3, 4)]
    const { lost } = checkLedger(writes, found({ name: 'a', size: 1 }))
    expect(lost).toMatchObject([{ n: writes[1]?.n, key: 7, fields: ['name'] }])
  })

  it('takes either of two writes that overlapped', () => {
    const writes = [write({ name: 'a' }, 1, 4), write({ name: 'b' }, 3, 5)]
    expect(checkLedger(writes, found({ name: 'a' })).lost).toEqual([])
    expect(checkLedger(writes, found({ name: 'b' })).lost).toEqual([])
    expect(checkLedger(writes, found({ name: 'c' })).lost).toHaveLength(1)
  })

  it('lets a write without an answer have happened or not, at any time', () => {
    const writes = [write({ name: 'a' }, 1, 2, { outcome: 'unknown' }), write({ name: 'b' }, 3, 4)]
    expect(checkLedger(writes, found({ name: 'a' })).lost).toEqual([])
    expect(checkLedger(writes, found({ name: 'b' })).lost).toEqual([])
    expect(checkLedger([...writes, write({ name: 'c' }, 5, 6)], found({ name: 'b' })).lost).toHaveLength(1)
  })

  it('notices a deleted row that came back and a row that is gone', () => {
    expect(checkLedger([write(null, 1, 2)], found({ name: 'a' })).lost).toMatchObject([{ fields: ['(row)'] }])
    expect(checkLedger([write({ name: 'a' }, 1, 2)], found(null)).lost).toMatchObject([{ fields: ['(row)'] }])
  })
})
