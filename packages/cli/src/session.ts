import type { Entity, Migration } from '@twinspan/core'
import { type Cutover, createCutover } from '@twinspan/cutover'
import { createMirror, type Mirror } from '@twinspan/dual-write'
import { createRouter, type Router } from '@twinspan/router'
import type { Config } from './config.ts'
import { UsageError } from './usage-error.ts'

/** A started migration and what a command may need of it. */
export interface Session {
  readonly migration: Migration
  /** Starts the mirror of this process, where the configuration lets it have one. Once. */
  mirror(): Mirror | undefined
  /** With the mirror of this process where it is to drive, so that the journal empties behind the fence. */
  cutover(options: { readonly drives: boolean }): Cutover
  /** The router, with what is stored already read. */
  router(): Promise<Router>
  /** The entities of these names; all without a name. */
  entities(names: readonly string[]): readonly Entity[]
  close(): Promise<void>
}

export async function openSession(config: Config): Promise<Session> {
  const { migration } = config
  let mirror: Mirror | undefined
  try {
    await migration.start()
  } catch (error) {
    await migration.stop().catch(() => {})
    await config.close?.()
    throw error
  }

  const session: Session = {
    migration,
    mirror() {
      if (config.mirror === false) return undefined
      if (mirror === undefined) {
        mirror = createMirror(migration, config.mirror)
        mirror.start()
      }
      return mirror
    },
    cutover({ drives }) {
      const own = drives && migration.snapshot.plan.mirrorsTo !== null ? session.mirror() : undefined
      const drain = own === undefined ? {} : { drain: () => own.drain() }
      return createCutover(migration, { ...drain, ...config.cutover })
    },
    async router() {
      if (config.router === undefined) {
        throw new UsageError('The configuration has no router.', "Add router: { unit: 'user' }, as in the service.")
      }
      const router = createRouter(migration, config.router)
      await router.start()
      return router
    },
    entities(names) {
      const known = migration.entities
      const strange = names.find((name) => !known.some((entity) => entity.name === name))
      if (strange !== undefined) {
        const list = known.map(({ name }) => name).join(', ')
        throw new UsageError(`There is no entity "${strange}".`, `The migration has ${list}.`)
      }
      return names.length === 0 ? known : known.filter(({ name }) => names.includes(name))
    },
    async close() {
      await mirror?.stop()
      await migration.stop()
      await config.close?.()
    },
  }
  return session
}
