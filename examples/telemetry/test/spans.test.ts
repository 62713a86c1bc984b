import { type Attributes, type Span, type SpanStatus, type TracerProvider, trace } from '@opentelemetry/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BusyService, openBusyService } from './busy-service.ts'

interface Seen {
  readonly name: string
  readonly attributes: Attributes
  status: SpanStatus | undefined
  ended: boolean
}

const seen: Seen[] = []
let busy: BusyService
beforeAll(async () => {
  trace.setGlobalTracerProvider(provider(seen))
  busy = await openBusyService()
  await busy.service.mirror.drain()
})
afterAll(async () => {
  await busy?.close()
  trace.disable()
})

it.each([
  ['twinspan.mirror.batch', []],
  ['twinspan.backfill.chunk', ['twinspan.entity']],
  ['twinspan.reconcile.range', ['twinspan.entity']],
])('%s surrounds its work, and tells no key', (name, attributes) => {
  const spans = seen.filter((span) => span.name === name && span.ended)
  expect(spans.length).toBeGreaterThan(0)
  expect(spans.every(({ status }) => status === undefined)).toBe(true)
  const told = Object.assign({}, ...spans.map((span) => span.attributes)) as Attributes
  expect(Object.keys(told)).toEqual(expect.arrayContaining(attributes))
  expect(JSON.stringify(told)).not.toContain('example.org')
})

/** Remembers what an SDK would export. */
function provider(into: Seen[]): TracerProvider {
  function begin(name: string, attributes: Attributes = {}): Span {
    const one: Seen = { name, attributes, status: undefined, ended: false }
    into.push(one)
    const span = {
      setStatus(status: SpanStatus) {
        one.status = status
        return span
      },
      end() {
        one.ended = true
      },
      isRecording: () => true,
      addEvent: () => span,
    } as unknown as Span
    return span
  }
  const startActiveSpan = (name: string, ...rest: readonly unknown[]): unknown => {
    const [options] = rest as readonly [{ readonly attributes?: Attributes }]
    return (rest.at(-1) as (span: Span) => unknown)(begin(name, options.attributes))
  }
  return { getTracer: () => ({ startSpan: begin, startActiveSpan }) } as unknown as TracerProvider
}
