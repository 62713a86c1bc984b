import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const page = readFileSync(resolve(root, 'docs/guarantees.md'), 'utf8')

interface Guarantee {
  readonly heading: string
  readonly tests: readonly { readonly file: string; readonly name: string }[]
}

const guarantees = page
  .split(/^## /m)
  .slice(1)
  .filter((section) => /^[A-Z]\d+ /.test(section))
  .map((section): Guarantee => {
    const [heading = ''] = section.split('\n')
    const tests = [...section.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = '', name = '']) => ({ file, name }))
    return { heading, tests }
  })

describe('docs/guarantees.md', () => {
  it('numbers the nine invariants', () => {
    const numbers = guarantees.map(({ heading }) => heading.split(' ')[0])
    expect(numbers).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'G7'])
  })

  it.each(guarantees)('$heading: is held by tests that exist under the names given', ({ tests }) => {
    expect(tests).not.toEqual([])
    for (const { file, name } of tests) {
      expect(existsSync(resolve(root, file)) ? file : `no ${file}`).toBe(file)
      const source = readFileSync(resolve(root, file), 'utf8')
      const declared = ["'", '"', '`'].some((quote) => source.includes(`it(${quote}${name}${quote}`))
      expect(declared ? name : `no test of this name in ${file}`).toBe(name)
    }
  })
})
