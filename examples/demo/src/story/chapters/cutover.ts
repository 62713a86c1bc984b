import type { CutoverPlan, CutoverResult } from '@twinspan/cutover'
import { milliseconds, plural } from '../format.ts'
import { ACTOR, type Stage, step, watch } from '../stage.ts'
import { loseWrite } from './sabotage.ts'

/** The gates whose findings say most. */
const TOLD = ['journal-empty', 'full-sweep', 'reverse-proven', 'sequences-ahead']

/** The switch, the way back, and the switch again: what is promised to be reversible is reversed. */
export async function cutover(stage: Stage): Promise<void> {
  const { screen, cutover: cut } = stage
  screen.phase('target-primary', 'the target takes the writes; a reverse mirror keeps legacy in step')
  await step(stage, 'cutover', async () => {
    const { gates } = await cut.plan()
    tellGates(stage, gates)
    switched(stage, 'switched', await cut.advance({ to: 'target-primary', actor: ACTOR, reason: 'parity is proven' }))
    await watch(stage, 3_500)
  })

  await step(stage, 'rollback', async () => {
    switched(
      stage,
      'rolled back, legacy is primary again',
      await cut.rollback({ actor: ACTOR, reason: 'to show that it can be done' }),
    )
    await stage.router.setPercent(100, { actor: ACTOR, reason: 'nothing was wrong with the target' })
    await watch(stage, 2_500)
  })
  if (stage.options.sabotage === 'lose-write') await step(stage, 'sabotage', () => loseWrite(stage))

  await step(stage, 'second cutover', async () => {
    switched(stage, 'switched again', await cut.advance({ to: 'target-primary', actor: ACTOR, reason: 'for good' }))
    await watch(stage, 2_500)
  })

  function switched({ screen: at }: Stage, what: string, { writersWaitedMs, drained }: CutoverResult): void {
    const keys = plural(drained, 'key')
    at.event(`${what}: writers waited ${milliseconds(writersWaitedMs)}, ${keys} drained behind the fence`, 'good')
  }
}

function tellGates({ screen }: Stage, gates: CutoverPlan['gates']): void {
  const open = gates.filter((gate) => gate.ok)
  screen.event(
    `${open.length} of ${gates.length} gates are open, among them`,
    open.length === gates.length ? 'good' : 'bad',
  )
  for (const { name, detail } of open.filter((gate) => TOLD.includes(gate.name))) {
    for (const part of detail.split('; ')) screen.detail(`${name.padEnd(16)} ${part}`)
  }
  for (const { name, detail } of gates.filter((gate) => !gate.ok)) screen.detail(`${name} is closed: ${detail}`)
}
