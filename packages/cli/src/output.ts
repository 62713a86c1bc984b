import { styleText } from 'node:util'
import type { Host } from './host.ts'

export type Paint = 'good' | 'bad' | 'doubt' | 'soft' | 'strong'

const STYLES: Readonly<Record<Paint, Parameters<typeof styleText>[0]>> = {
  good: 'green',
  bad: 'red',
  doubt: 'yellow',
  soft: 'dim',
  strong: 'bold',
}

/** Where a command speaks: lines for people, or with `--json` objects for machines, one on a line. */
export interface Output {
  readonly json: boolean
  /** Whether somebody looks at a terminal: bars and screens that redraw themselves. */
  readonly isTerminal: boolean
  /** Columns that a line may have. */
  readonly width: number
  paint(paint: Paint, text: string): string
  /** Lines for people. Nothing with `--json`. */
  lines(...lines: readonly string[]): void
  /** An object for machines. Nothing without `--json`. */
  object(value: unknown): void
  /** What goes on, on stderr, for people only. */
  note(text: string): void
}

const WIDTH = 80

export function createOutput({ stdout, stderr, env }: Host, json: boolean): Output {
  const isTerminal = stdout.isTTY === true && !json
  const hasColours = isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  return {
    json,
    isTerminal,
    // A terminal that does not know its width says 0.
    width: Math.max(40, Math.min(WIDTH, stdout.columns || WIDTH)),
    paint: (paint, text) => (hasColours ? styleText(STYLES[paint], text, { validateStream: false }) : text),
    lines(...lines) {
      if (!json && lines.length > 0) stdout.write(`${lines.join('\n')}\n`)
    },
    object(value) {
      if (json) stdout.write(`${toJson(value)}\n`)
    },
    note(text) {
      if (!json) stderr.write(`${text}\n`)
    },
  }
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
}
