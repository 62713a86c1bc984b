import type { SideName } from '@twinspan/core'
import { expectTypeOf, it } from 'vitest'
import type { createRouter, Decision, GuardTick, Router } from '../src/index.ts'

it('is what a wrapped repository asks who is in the canary', () => {
  expectTypeOf<Router>().toExtend<{ decide(unit: string): { readonly side: SideName } }>()
})

it('decides at once', () => {
  expectTypeOf<ReturnType<Router['decide']>>().toEqualTypeOf<Decision>()
})

it('does not do without a unit, an actor or a reason', () => {
  expectTypeOf<Parameters<typeof createRouter>[1]>().toExtend<{ readonly unit: string }>()
  expectTypeOf<Parameters<Router['kill']>[0]>().toExtend<{ readonly actor: string; readonly reason: string }>()
  expectTypeOf<Parameters<Router['setPercent']>[1]>().toExtend<{ readonly actor: string; readonly reason: string }>()
})

it('has three verdicts', () => {
  expectTypeOf<GuardTick['verdict']>().toEqualTypeOf<'ok' | 'hold' | 'kill'>()
})
