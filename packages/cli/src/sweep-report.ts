import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { SweepRecord } from '@twinspan/core'
import { type Finding, findingLine, recordLine, sweepHtml } from '@twinspan/reconcile'

/** A sweep's report in a directory: `<entity>.jsonl` with everything, written as it is found, and `<entity>.html` to look at. */
export interface SweepReport {
  add(finding: Finding): void
  /** After a sweep that came to its end. Answers with what was written. */
  end(record: SweepRecord): Promise<readonly string[]>
  /** After one that did not: what was found so far stays, without a last line. */
  abandon(): Promise<void>
}

/** What a page shows at most. */
const MOST_SHOWN = 501

/** Files that only their owner can read: findings may hold keys and values, where somebody asked for them. */
const PRIVATE = { mode: 0o600 }

export async function openSweepReport(directory: string | undefined, entity: string): Promise<SweepReport> {
  if (directory === undefined) return { add() {}, end: async () => [], abandon: async () => {} }
  await mkdir(directory, { recursive: true })
  // An entity may be called anything, and a file may not.
  const name = entity.replaceAll(/[^\p{L}\p{N}._-]/gu, '_').replace(/^\.+/, '_')
  const [jsonl, html] = [join(directory, `${name}.jsonl`), join(directory, `${name}.html`)]
  const lines = createWriteStream(jsonl, PRIVATE)
  const done = finished(lines)
  done.catch(() => {})
  const shown: Finding[] = []
  return {
    add(finding) {
      lines.write(`${findingLine(finding)}\n`)
      if (shown.length < MOST_SHOWN) shown.push(finding)
    },
    async end(record) {
      lines.end(`${recordLine(record)}\n`)
      await done
      await writeFile(html, sweepHtml(record, shown), PRIVATE)
      return [html, jsonl]
    },
    async abandon() {
      lines.end()
      await done.catch(() => {})
    },
  }
}
