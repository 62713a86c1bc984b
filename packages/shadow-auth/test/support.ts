import { createHash, randomUUID } from 'node:crypto'
import type { TwinspanEvent } from '@twinspan/core'
import { type MemoryAccount, memoryCredentials } from '@twinspan/core/testing'
import native from 'bcrypt'
import {
  argon2id,
  bcrypt,
  createShadowAuth,
  type PasswordHasher,
  phpass,
  type Scheme,
  type ShadowAuth,
  type ShadowAuthOptions,
} from '../src/index.ts'

/** Argon2id as cheap as it goes: what is tested is what happens around it. */
export const CHEAP = { m: 64, t: 1, p: 1 }

export interface World {
  readonly auth: ShadowAuth
  readonly legacy: ReturnType<typeof memoryCredentials>
  readonly target: ReturnType<typeof memoryCredentials>
  readonly events: TwinspanEvent[]
  /** What each store was asked, in order. */
  readonly asked: string[]
  /** The stores that fail at once. */
  readonly down: Set<'legacy' | 'target'>
  /** The stores that never answer. */
  readonly hung: Set<'legacy' | 'target'>
  findings(): readonly string[]
}

export function createWorld(
  users: { readonly legacy?: readonly MemoryAccount[]; readonly target?: readonly MemoryAccount[] } = {},
  options: Partial<ShadowAuthOptions> = {},
): World {
  const events: TwinspanEvent[] = []
  const asked: string[] = []
  const down = new Set<'legacy' | 'target'>()
  const hung = new Set<'legacy' | 'target'>()
  const store = (side: 'legacy' | 'target') =>
    memoryCredentials({
      accounts: users[side] ?? [],
      async step(operation, when) {
        if (when === 'before') asked.push(`${side}.${operation}`)
        if (down.has(side)) throw Object.assign(new Error(`connect ECONNREFUSED ${side}`), { code: 'ECONNREFUSED' })
        if (hung.has(side)) await new Promise(() => {})
      },
    })
  const legacy = store('legacy')
  const target = store('target')
  const auth = createShadowAuth({
    target,
    legacy,
    hash: argon2id(CHEAP),
    accepts: [bcrypt(), phpass()],
    telemetry: { emit: (event) => events.push(event) },
    timeoutMs: 100,
    ...options,
  })
  const findings = () =>
    events.flatMap((event) => (event.type === 'auth-finding' ? [`${event.side} ${event.finding}`] : []))
  return { auth, legacy, target, events, asked, down, hung, findings }
}

/** A bcrypt hash of a legacy system, cheap. */
export function bcryptHash(password: string | Buffer): string {
  return native.hashSync(password, 4)
}

/** A hasher whose work is one synchronous digest: for tests in which the order of everything is under control. */
export function toyHasher(name = 'toy'): PasswordHasher {
  const digest = (salt: string, password: Buffer): string =>
    createHash('sha256').update(salt).update(password).digest('hex')
  return {
    name,
    claims: (hash) => hash.startsWith(`${name}:`),
    read(hash) {
      const [, salt = '', stored] = hash.split(':')
      const derive = async (password: Buffer): Promise<string> => digest(salt, password)
      return {
        ok: true,
        params: {},
        verify: async (password) => (await derive(password)) === stored,
        inner: { shell: `${name}:${salt}:`, digest: stored ?? '', derive },
      }
    },
    dummy: () => `${name}:dummy:none`,
    async hash(password) {
      const salt = randomUUID()
      return `${name}:${salt}:${digest(salt, password)}`
    },
    isWeaker: (hash) => !hash.startsWith(`${name}:`),
  }
}

export function toyHash(password: string, name: string): Promise<string> {
  return toyHasher(name).hash(Buffer.from(password))
}

/** A scheme of which every verification is counted. */
export function counted(scheme: Scheme, log: string[]): Scheme {
  return {
    ...scheme,
    read(hash, limits) {
      const reading = scheme.read(hash, limits)
      if (!reading.ok) return reading
      return {
        ...reading,
        verify(password) {
          log.push(`${scheme.name} ${JSON.stringify(reading.params)}`)
          return reading.verify(password)
        },
      }
    },
  }
}
