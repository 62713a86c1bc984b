import { credentialStoreContract, memoryCredentials } from '../src/testing/index.ts'

credentialStoreContract('memory', async () => {
  const store = memoryCredentials()
  return {
    store,
    other: store,
    put: async (account) => store.put(account),
    drop: async (uid) => {
      store.accounts.delete(String(uid))
    },
    close: async () => {},
  }
})
