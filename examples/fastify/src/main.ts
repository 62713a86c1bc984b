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
const app = await createApp({
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
console.log(`Listening on ${await app.listen({ port: config.port, host: config.host })}`)

onSignal(async () => {
  // Fastify's own close waits for requests in flight, but not for connections that never end.
  await Promise.all([drain(app.server), app.close()])
  await databases.close()
})
