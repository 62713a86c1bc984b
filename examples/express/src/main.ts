import type { AddressInfo } from 'node:net'
import {
  configFrom,
  createAuth,
  createResets,
  createSessions,
  drain,
  onSignal,
  openDatabases,
  seed,
} from '@twinspan/example-accounts'
import { createApp } from './app.ts'

const config = configFrom(process.env)
const databases = await openDatabases(config.dataDirectory)
if (!config.production) await seed(databases)

const { fingerprintKey } = config
const auth = createAuth({ ...databases, ...(fingerprintKey === undefined ? {} : { fingerprintKey }) })
const app = createApp({
  auth,
  config,
  sessions: createSessions(databases.target),
  resets: createResets({
    auth,
    target: databases.target,
    async mail(to, token) {
      // A real service sends a mail here. In production nothing may be printed: a token is as good as a password.
      if (config.production) throw new Error('There is no mail server.')
      console.log(`To ${to}: your token is ${token}`)
    },
  }),
})
const server = app.listen(config.port, config.host, (error) => {
  if (error) throw error
  console.log(`Listening on http://${config.host}:${(server.address() as AddressInfo).port}`)
})

onSignal(async () => {
  await drain(server)
  await databases.close()
})
