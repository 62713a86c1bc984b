import { drain, type Parts } from '@twinspan/example-accounts'
import { migrationContract, serviceContract } from '@twinspan/example-accounts/testing'
import { createApp } from '../src/app.ts'

async function start(parts: Parts) {
  const app = await createApp(parts)
  return {
    url: await app.listen({ port: 0, host: '127.0.0.1' }),
    async close() {
      await Promise.all([drain(app.server), app.close()])
    },
  }
}

serviceContract('Fastify', start)
migrationContract('Fastify', start)
