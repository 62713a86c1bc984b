import type { Migration } from '@twinspan/core'
import { type Cutover, createCutover } from '@twinspan/cutover'
import { createMirror, dualWrite, read, write } from '@twinspan/dual-write'
import { createRouter, guardRouter, type Router } from '@twinspan/router'
import type { Databases } from './databases.ts'
import { LegacyMembers, type MemberRepository, TargetMembers } from './members.ts'
import { createMembersMove } from './migration.ts'

/** This process's part in the migration, and the repository that hides it. */
export interface Twin {
  readonly migration: Migration
  readonly members: MemberRepository
  /** Who reads from the target: the members of the canary. */
  readonly router: Router
  readonly cutover: Cutover
  start(): Promise<void>
  /** Takes leave: what was written and not copied yet is copied, within five seconds, and the lease ends. */
  stop(): Promise<void>
}

export function createTwin(databases: Databases): Twin {
  const { migration, users } = createMembersMove(databases)
  const router = createRouter(migration, { unit: 'member', steps: [1, 5, 10, 25, 50, 100] })
  guardRouter(migration, router)
  const mirror = createMirror(migration)
  const members = dualWrite<MemberRepository>(migration, users, {
    legacy: new LegacyMembers(databases.legacy),
    target: new TargetMembers(databases.target),
    operations: {
      // The canary is whom the request is for; the target spells addresses in its own way.
      find: read({ key: (id) => id, clean: (member) => member && { ...member, email: member.email.toLowerCase() } }),
      rename: write({ key: (id) => id }),
      create: write({ key: (_email, _name, created) => created.id }),
    },
    router,
  })
  return {
    migration,
    members,
    router,
    cutover: createCutover(migration, { drain: () => mirror.drain() }),
    async start() {
      await migration.start()
      await router.start()
      mirror.start()
    },
    stop: () => migration.stop(),
  }
}
