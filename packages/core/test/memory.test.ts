import { expect, it } from 'vitest'
import {
  type ContractRow,
  createMemoryDatabase,
  entityStoreContract,
  intentsContract,
  memorySide,
  type SideFixture,
  sideContract,
  stateStoreContract,
} from '../src/testing/index.ts'

async function open(): Promise<SideFixture> {
  const side = memorySide(createMemoryDatabase())
  const table = side.table<ContractRow>('things', { key: 'id', unique: ['code'] })
  return { side, table, close: async () => {} }
}

sideContract('memory', open)
intentsContract('memory', open)
entityStoreContract('memory', open)
stateStoreContract('memory', async () => ({ store: memorySide(createMemoryDatabase()).store, close: async () => {} }))

it('gives a transaction that has ended no locks, whatever goes on in it', async () => {
  const { side, table } = await open()
  const target = side.bind({ migration: 'ended', side: 'target' })
  await target.fence.change(0, {
    incarnation: 'i.1',
    epoch: 1,
    phase: 'dual-write',
    primary: 'legacy',
    open: true,
    pending: null,
    unrecorded: [],
  })
  const row = { id: 1, label: 'a', code: null }
  let goOn = (): void => {}
  const paused = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let late: Promise<unknown> | undefined
  const ended = target.copy({ stripes: [1], epoch: 1, timeoutMs: 5 }, ({ transaction }) => {
    late = paused.then(() => table.save([row], { transaction }))
    return new Promise(() => {})
  })
  await expect(ended).rejects.toMatchObject({ code: 'TWINSPAN_TIMEOUT' })
  goOn()
  await expect(late).rejects.toThrow('the transaction is over')
  await target.copy({ stripes: [1], epoch: 1 }, ({ transaction }) => table.save([row], { transaction }))
  expect(await table.load([1])).toEqual([row])
})
