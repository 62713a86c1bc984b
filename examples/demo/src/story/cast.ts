import { randomBytes } from 'node:crypto'
import { openLegacyFile } from '../legacy/schema.ts'
import { type Seed, seedLegacy } from '../legacy/seed.ts'
import type { DemoOptions } from '../options.ts'
import { Process } from '../process/start.ts'
import type { ServiceInput } from '../service/main.ts'
import type { TargetServerInput } from '../target/server.ts'
import type { TrafficInput } from '../traffic/main.ts'
import type { Paths } from './paths.ts'
import type { TargetServer } from './stage.ts'

const SERVICES = 2
const QUICK_PLACES = 6_000

/** Everybody who was started and has to be ended, whatever happens. */
export class Cast {
  readonly #paths: Paths
  readonly #options: DemoOptions
  readonly #processes: Process[] = []
  #ending = false
  /** Called when a process ends that nobody ended. */
  onLost: (why: string) => void = () => {}

  constructor(options: DemoOptions, paths: Paths) {
    this.#options = options
    this.#paths = paths
  }

  async seed(): Promise<Seed> {
    const database = openLegacyFile(this.#paths.legacy)
    try {
      return this.#options.quick
        ? await seedLegacy(database, 1_500, QUICK_PLACES)
        : await seedLegacy(database, 4_000, Number.POSITIVE_INFINITY)
    } finally {
      database.close()
    }
  }

  async target(): Promise<TargetServer> {
    const start = (port: number): Promise<Process<{ port: number }>> =>
      this.#start('target', '../target/server.ts', { folder: this.#paths.target, port } satisfies TargetServerInput)
    let running = await start(0)
    const { port } = running.ready
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      get process() {
        return running
      },
      async restart() {
        running = await start(port)
      },
    }
  }

  services(targetUrl: string): Promise<Process<{ url: string }>[]> {
    const input: ServiceInput = {
      legacyFile: this.#paths.legacy,
      targetUrl,
      secret: randomBytes(32).toString('hex'),
    }
    return Promise.all(
      Array.from({ length: SERVICES }, (_, index) =>
        this.#start<{ url: string }>(`service-${index + 1}`, '../service/main.ts', input),
      ),
    )
  }

  traffic(services: readonly string[], members: number, onCounts: (event: unknown) => void): Promise<Process> {
    const input: TrafficInput = { services, ledger: this.#paths.ledger, visitors: 44, members, thinkMs: 400 }
    return this.#start('traffic', '../traffic/main.ts', input, onCounts)
  }

  /** Ends the processes in the reverse order of their start, `except` those. */
  async end(except: readonly Process[] = []): Promise<void> {
    this.#ending = true
    for (const one of this.#processes.toReversed()) {
      if (!except.includes(one)) await one.stop()
    }
  }

  /** Ends them at once. */
  async kill(): Promise<void> {
    this.#ending = true
    await Promise.all(this.#processes.map((one) => one.kill()))
  }

  async #start<Ready>(
    name: string,
    script: string,
    input: unknown,
    onEvent?: (event: unknown) => void,
  ): Promise<Process<Ready>> {
    const started = await Process.start<Ready>({
      name,
      script: new URL(script, import.meta.url),
      input,
      log: this.#paths.log(name),
      onLost: (why) => {
        if (!this.#ending) this.onLost(why)
      },
      ...(onEvent === undefined ? {} : { onEvent }),
    })
    this.#processes.push(started)
    return started
  }
}
