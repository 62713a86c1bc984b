import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

export interface Metrics {
  /** Where Prometheus finds them. */
  readonly url: string
  close(): Promise<void>
}

/**
 * All that an application has to do for Twinspan's metrics: register an SDK. Before the migration starts, so that the gauges of the
 * start are recorded too.
 */
export async function serveMetrics(port: number): Promise<Metrics> {
  const exporter = new PrometheusExporter({ host: '127.0.0.1', port, preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  metrics.setGlobalMeterProvider(provider)
  await exporter.startServer()
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    async close() {
      metrics.disable()
      await provider.shutdown()
    },
  }
}
