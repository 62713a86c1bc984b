import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const page = readFileSync(resolve(root, 'docs/guarantees.md'), 'utf8')

interface Guarantee {
  readonly heading: string
  readonly tests: readonly { readonly file: string; readonly name: string }[]
}

/** The sections of one level whose headings are numbered, and the tests that they name. */
function numbered(level: RegExp): readonly Guarantee[] {
  return page
    .split(level)
    .slice(1)
    .filter((section) => /^[A-Z]\d+ /.test(section))
    .map((section) => {
      const [heading = ''] = section.split('\n')
      const tests = [...section.matchAll(/^- `([^`]+)`: (.+)$/gm)].map(([, file = '', name = '']) => ({ file, name }))
      return { heading, tests }
    })
}

const guarantees = numbered(/^## /m)
const hazards = numbered(/^##+ /m).filter(({ heading }) => /^[BDR]\d/.test(heading))

/** Whether a test, plain or of a table, is declared under the quoted name. */
function declares(source: string, quoted: string): boolean {
  return source.split('\n').some((line) => /\bit\b|^\s*['"`]/.test(line) && line.includes(quoted))
}

describe('docs/guarantees.md', () => {
  it('numbers the nine invariants', () => {
    const numbers = guarantees.map(({ heading }) => heading.split(' ')[0])
    expect(numbers).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'G7'])
  })

  it('answers every hazard of dual writes, of comparing and of routing', () => {
    const numbers = hazards.map(({ heading }) => heading.split(' ')[0])
    const all = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)
    expect(numbers).toEqual([...all('D', 17), 'B1', 'B4', 'B5', 'B7', 'B8', 'B9', ...all('R', 11)])
  })

  it.each([...guarantees, ...hazards])('$heading: is held by tests that exist under the names given', ({ tests }) => {
    expect(tests).not.toEqual([])
    for (const { file, name } of tests) {
      expect(existsSync(resolve(root, file)) ? file : `no ${file}`).toBe(file)
      const source = readFileSync(resolve(root, file), 'utf8')
      const declared = ["'", '"', '`'].some((quote) => declares(source, `${quote}${name}${quote}`))
      expect(declared ? name : `no test of this name in ${file}`).toBe(name)
    }
  })
})
