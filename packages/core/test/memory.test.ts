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
