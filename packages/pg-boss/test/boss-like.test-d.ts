import type { Migration } from '@twinspan/core'
import type { PgBoss } from 'pg-boss'
import { describe, expectTypeOf, it } from 'vitest'
import { type BossJobs, type BossLike, createBossJobs } from '../src/index.ts'

declare const boss: PgBoss
declare const migration: Migration

describe('BossLike', () => {
  it('is what pg-boss has', () => {
    expectTypeOf<PgBoss>().toExtend<BossLike>()
    expectTypeOf(createBossJobs(boss, migration)).toEqualTypeOf<BossJobs>()
  })

  it('is not what lacks one of the methods', () => {
    expectTypeOf<Omit<PgBoss, 'findJobs'>>().not.toExtend<BossLike>()
  })
})
