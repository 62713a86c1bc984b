import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Report } from '../src/story/report.ts'

const MAIN = join(import.meta.dirname, '../src/main.ts')

// A minute of two cores: asked for by TWINSPAN_LONG=1, and played by `npm run demo -- --sabotage=lose-write`.
it.runIf(process.env['TWINSPAN_LONG'] === '1')(
  'plays the whole story and notices the one write that was lost on purpose',
  { timeout: 180_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-'))
    try {
      const json = join(folder, 'report.json')
      const child = spawn(
        process.execPath,
        [
          '--experimental-strip-types',
          '--disable-warning=ExperimentalWarning',
          '--conditions=twinspan-src',
          MAIN,
          '--quick',
          '--sabotage=lose-write',
          `--data=${join(folder, 'data')}`,
          `--json=${json}`,
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
      const [code] = await once(child, 'exit')
      // Together, so that a story that broke off tells why.
      expect({ code, output }).toMatchObject({ code: 1 })
      const report: Report = JSON.parse(readFileSync(json, 'utf8'))
      // Nothing else is wrong: one write, one row.
      expect(report).toMatchObject({
        ok: false,
        lost: 1,
        differing: 1,
        userErrors: 0,
        differences: [{ entity: 'place' }],
      })
      const [lost] = report.lostWrites
      expect(lost).toMatchObject({ entity: 'place', operation: 'replace', key: report.differences[0]?.key })
      expect(output).toContain(`lost: write ${lost?.n} of the ledger, replace of place ${lost?.key}`)
      expect(report.acknowledgedWrites).toBeGreaterThan(100)
      expect(report.rowsCompared).toBeGreaterThan(6_000)
      expect(report.kills).toHaveLength(3)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
