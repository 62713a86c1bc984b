import { createNoopMeter, type MeterProvider, metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import { redact } from './errors.ts'
import type { TwinspanEvent } from './events.ts'
import { INSTRUMENTS, type Measurement, measurementsOf } from './measurements.ts'

type Recorder = (value: number, attributes: Readonly<Record<string, string>>) => void

const NOOP = createNoopMeter()

/** A listener that turns the events of one migration into OpenTelemetry metrics. Without an SDK it costs next to nothing. */
export function recordEvents(migration: string): (event: TwinspanEvent) => void {
  const recorders = new Map<Measurement['instrument'], Recorder>()
  let provider: MeterProvider | undefined
  let silent = false
  return (event) => {
    const current = metrics.getMeterProvider()
    if (current !== provider) {
      provider = current
      silent = current.getMeter('twinspan') === NOOP
      recorders.clear()
    }
    if (silent) return
    for (const { instrument, value, attributes } of measurementsOf(event)) {
      // Instruments are made at their first use after an SDK was registered, however late that is.
      let record = recorders.get(instrument)
      if (record === undefined) {
        record = recorderOf(instrument)
        recorders.set(instrument, record)
      }
      record(value, { 'twinspan.migration': migration, ...attributes })
    }
  }
}

function recorderOf(instrument: Measurement['instrument']): Recorder {
  const meter = metrics.getMeter('twinspan')
  const { kind, unit } = INSTRUMENTS[instrument]
  if (kind === 'counter') {
    const counter = meter.createCounter(instrument, { unit })
    return (value, attributes) => counter.add(value, attributes)
  }
  const recorder =
    kind === 'gauge' ? meter.createGauge(instrument, { unit }) : meter.createHistogram(instrument, { unit })
  return (value, attributes) => recorder.record(value, attributes)
}

/** Runs `work` inside a span. Attributes come from closed sets; a failure is recorded by its class and code alone. */
export function traced<T>(
  name: `twinspan.${string}`,
  attributes: Readonly<Record<string, string | number | boolean>>,
  work: () => Promise<T>,
): Promise<T> {
  return trace.getTracer('twinspan').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work()
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: redact(error) })
      throw error
    } finally {
      span.end()
    }
  })
}
