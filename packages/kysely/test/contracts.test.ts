import { entityStoreContract, intentsContract, sideContract, stateStoreContract } from '@twinspan/core/testing'
import { eachEngine } from '../../../test/support/engines.ts'
import { kyselyStateStore } from '../src/index.ts'
import { openThings } from './things.ts'

await eachEngine((engine) => {
  sideContract(engine.name, () => openThings(engine))
  intentsContract(engine.name, () => openThings(engine))
  entityStoreContract(engine.name, () => openThings(engine))
  stateStoreContract(engine.name, async () => {
    const { db, close } = await engine.open()
    return { store: kyselyStateStore(db), close }
  })
})
