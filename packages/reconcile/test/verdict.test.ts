import { defineEntity, type Entity, type EntityStore } from '@twinspan/core'
import { describe, expect, it } from 'vitest'
import { differenceOf, expectedOf, type Judge } from '../src/drift/verdict.ts'
import { compareSettings } from '../src/options.ts'
import { createExact } from '../src/values/exact.ts'

const store: EntityStore = { load: async () => [], scan: async () => [], save: async () => {}, remove: async () => {} }
const entity = (parts?: readonly string[]): Entity =>
  defineEntity({
    name: 'orders',
    legacy: store,
    target: { ...store, ...(parts === undefined ? {} : { parts }) },
    toTarget: (row) => row,
    toLegacy: (row) => row,
  })
const found = (lines: unknown, held: unknown, parts?: readonly string[]) => {
  const made = entity(parts)
  const exact = createExact(made)
  const judge: Judge = { entity: made, primary: 'legacy', secondary: 'target', exact, settings: compareSettings({}) }
  return differenceOf(judge, expectedOf(judge, { id: 1, lines }), { id: 1, lines: held })
}

describe('parts of a record', () => {
  const lines = [
    { id: 7n, gift: true, note: null },
    { id: 8n, gift: false, note: 'x' },
  ]

  it('are compared as rows are: in whatever types a driver hands them out, without columns of the other side', () => {
    const held = [
      { id: '7', gift: 1, note: null, made: 'today' },
      { id: '8', gift: 0, note: 'x', made: 'today' },
    ]
    expect(found(lines, held, ['lines'])).toBeNull()
    // A document is what it is.
    expect(found(lines, held)).toMatchObject({ reason: 'value' })
  })

  it.each([
    ['a value', [{ ...lines[0] }, { ...lines[1], note: 'y' }], 'value'],
    ['the case of a text', [{ ...lines[0] }, { ...lines[1], note: 'X' }], 'case'],
    ['the order', [lines[1], lines[0]], 'value'],
    ['a row too few', [lines[0]], 'value'],
    ['a row too many', [...lines, lines[0]], 'value'],
    ['no rows at all', null, 'value'],
  ])('differ by %s', (_what, held, reason) => {
    expect(found(lines, held, ['lines'])).toMatchObject({ reason, fields: [{ name: 'lines' }] })
  })
})
