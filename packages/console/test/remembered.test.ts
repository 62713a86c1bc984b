import { describe, expect, it } from 'vitest'
import { remembered } from '../src/remembered.ts'

describe('what takes long', () => {
  it('is answered with what was said last while the next answer is awaited, until that is too old', async () => {
    let clock = 0
    let finish: (() => void) | undefined
    let asked = 0
    const ask = remembered(
      () => new Promise<number>((resolve) => (finish = () => resolve(++asked))),
      () => clock,
    )
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

    const first = ask()
    await turn()
    finish?.()
    expect(await first).toBe(1)
    await turn()
    expect(await ask()).toBe(1)

    clock = 6_000
    expect(await ask()).toBe(1)
    expect(await ask()).toBe(1)
    await turn()
    finish?.()
    await turn()
    expect(await ask()).toBe(2)

    clock = 60_000
    const late = ask()
    await turn()
    finish?.()
    expect(await late).toBe(3)
  })
})
