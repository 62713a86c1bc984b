import { styleText } from 'node:util'
import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import { count, seconds } from './format.ts'

/** A job with a known end. */
export interface Progress {
  update(value: number, note?: string): void
  done(note: string, mark?: Mark): void
}

export type Mark = 'plain' | 'good' | 'bad' | 'fault'

const MARKS: Readonly<Record<Mark, { readonly sign: string; readonly style: 'reset' | 'green' | 'red' | 'yellow' }>> = {
  plain: { sign: '·', style: 'reset' },
  good: { sign: '✓', style: 'green' },
  bad: { sign: '✗', style: 'red' },
  fault: { sign: '!', style: 'yellow' },
}

const STEP = 0.25

/** What the audience sees: a line per event, and on a terminal a bar for the job at work and one for the users. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #began = performance.now()
  readonly #bars: MultiBar | undefined
  #footer: SingleBar | undefined

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out
    if (out.isTTY) {
      this.#bars = new MultiBar(
        { stream: out, hideCursor: true, clearOnComplete: true, fps: 8, linewrap: false, format: '{text}' },
        Presets.shades_classic,
      )
    }
  }

  /** Seconds since the start. */
  get elapsed(): number {
    return (performance.now() - this.#began) / 1000
  }

  title(text: string, detail: string): void {
    this.#line(`\n  ${styleText('bold', text)}  ${styleText('dim', detail)}`)
  }

  /** Opens a phase of the migration. */
  phase(name: string, meaning: string): void {
    this.#line('')
    this.#line(`  ${styleText(['bold', 'cyan'], name.padEnd(15))} ${styleText('dim', meaning)}`)
  }

  event(text: string, mark: Mark = 'plain'): void {
    const { sign, style } = MARKS[mark]
    const time = styleText('dim', seconds(this.elapsed).padStart(8))
    this.#line(`  ${time}  ${styleText(style, sign)} ${text}`)
  }

  /** What belongs to the event before. */
  detail(text: string): void {
    this.#line(`  ${' '.repeat(12)}${styleText('dim', text)}`)
  }

  /** Lines as they are, for the report. */
  text(line: string): void {
    this.#line(line)
  }

  /** What the users do, at the foot of a terminal. */
  users(text: string): void {
    if (this.#bars === undefined) return
    this.#footer ??= this.#bars.create(1, 0, { text: '' })
    this.#footer.update(0, { text: `  ${' '.repeat(8)}  ${styleText('dim', text)}` })
  }

  progress(label: string, total: number): Progress {
    return this.#bars === undefined ? this.#plainProgress(label, total) : this.#barProgress(this.#bars, label, total)
  }

  /** Takes the bars away. Lines can still be printed. */
  close(): void {
    this.#bars?.stop()
    this.#footer = undefined
  }

  #line(text: string): void {
    if (this.#bars?.isActive) {
      this.#bars.log(`${text}\n`)
      this.#bars.update()
    } else {
      this.#out.write(`${text}\n`)
    }
  }

  #plainProgress(label: string, total: number): Progress {
    let next = STEP
    return {
      update: (value, note = '') => {
        if (total === 0 || value / total < next || next >= 1) return
        next = Math.floor(value / total / STEP) * STEP + STEP
        this.event(`${label} ${percent(value, total)} · ${count(value)} of ${count(total)}${note && ` · ${note}`}`)
      },
      done: (note, mark = 'good') => this.event(`${label} done · ${note}`, mark),
    }
  }

  #barProgress(bars: MultiBar, label: string, total: number): Progress {
    const bar = bars.create(
      Math.max(total, 1),
      0,
      { label, note: '' },
      {
        format: `  ${' '.repeat(8)}  ${styleText('cyan', '{bar}')} {label} {percentage}% · {value} of {total} {note}`,
        barsize: 30,
        barCompleteChar: '━',
        barIncompleteChar: '─',
        formatValue: (value, _options, type) => (type === 'percentage' ? String(value) : count(value)),
      },
    )
    return {
      update: (value, note = '') => bar.update(Math.min(value, total), { note: note && `· ${note}` }),
      done: (note, mark = 'good') => {
        bars.remove(bar)
        this.event(`${label} done · ${note}`, mark)
      },
    }
  }
}

function percent(value: number, total: number): string {
  return `${Math.round((100 * value) / Math.max(total, 1))} %`
}
