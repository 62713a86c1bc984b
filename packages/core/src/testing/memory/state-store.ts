import type {
  AuditEntry,
  Document,
  FindingRecord,
  Lease,
  MigrationState,
  MigrationStore,
  StateStore,
  StoredFinding,
} from '../../state-store.ts'
import type { MemoryDatabase } from './database.ts'
import type { Step } from './transaction.ts'

interface Contents {
  state: MigrationState | undefined
  audit: AuditEntry[]
  readonly leases: Map<string, Lease & { readonly until: number }>
  readonly documents: Map<string, Document>
  readonly claims: Map<string, { readonly owner: string; readonly until: number; readonly token: number }>
  readonly findings: Map<string, StoredFinding>
  readonly followers: Map<string, Set<() => void>>
}

export function memoryStateStore(database: MemoryDatabase, { step }: { readonly step: Step }): StateStore {
  return { bind: (migration) => bind(database, step, contentsOf(database, migration)) }
}

function contentsOf(database: MemoryDatabase, migration: string): Contents {
  const existing = database.state.get(migration) as Contents | undefined
  if (existing !== undefined) return existing
  const contents: Contents = {
    state: undefined,
    audit: [],
    leases: new Map(),
    documents: new Map(),
    claims: new Map(),
    findings: new Map(),
    followers: new Map(),
  }
  database.state.set(migration, contents)
  return contents
}

function bind(database: MemoryDatabase, step: Step, contents: Contents): MigrationStore {
  const now = (): number => database.now()
  return {
    prepare: () => step('prepare store'),

    async readState() {
      await step('read state')
      return contents.state
    },
    async recordState(next, audit) {
      await step('record state')
      const recorded = contents.state?.epoch ?? 0
      if (recorded >= next.epoch) return false
      contents.state = next
      contents.audit.push(...audit.filter((entry) => entry.epoch > recorded))
      await step('state recorded')
      return true
    },
    async appendAudit(entry) {
      await step('append audit')
      contents.audit.push(entry)
    },
    async readAudit({ limit = 100 } = {}) {
      await step('read audit')
      return contents.audit.toReversed().slice(0, limit)
    },

    async heartbeat(lease, ttlMs) {
      await step('heartbeat')
      contents.leases.set(lease.instance, { ...lease, until: now() + ttlMs })
    },
    async leases() {
      await step('leases')
      return [...contents.leases.values()].filter((lease) => lease.until > now()).map(({ until: _, ...lease }) => lease)
    },
    async endLease(instance) {
      await step('end lease')
      contents.leases.delete(instance)
    },

    async getDocument(name) {
      await step(`get ${name}`)
      return contents.documents.get(name)
    },
    async putDocument(name, value, { expected, audit, hint = false } = {}) {
      await step(`put ${name}`)
      const version = contents.documents.get(name)?.version ?? 0
      if (expected !== undefined && expected !== version) return false
      contents.documents.set(name, { value: structuredClone(value), version: version + 1 })
      if (audit !== undefined) contents.audit.push(audit)
      if (hint) for (const tell of contents.followers.get(name) ?? []) tell()
      await step(`put ${name} done`)
      return true
    },
    async listDocuments(prefix) {
      await step(`list ${prefix}`)
      return new Map([...contents.documents].filter(([name]) => name.startsWith(prefix)))
    },
    async removeDocuments(names) {
      await step('remove documents')
      for (const name of names) contents.documents.delete(name)
    },
    follow(name, listener) {
      const tell = (): void => queueMicrotask(listener)
      const followers = contents.followers.get(name) ?? new Set()
      contents.followers.set(name, followers.add(tell))
      return async () => {
        followers.delete(tell)
      }
    },

    async claim(name, owner, ttlMs) {
      await step(`claim ${name}`)
      const held = contents.claims.get(name)
      if (held !== undefined && held.owner !== owner && held.until > now()) return undefined
      const token = held?.owner === owner && held.until > now() ? held.token : (held?.token ?? 0) + 1
      contents.claims.set(name, { owner, until: now() + ttlMs, token })
      return { token }
    },
    async releaseClaim(name, owner) {
      await step(`release ${name}`)
      const held = contents.claims.get(name)
      // The token stays, so that the next claim is known to be later.
      if (held?.owner === owner) contents.claims.set(name, { ...held, until: 0 })
    },

    async saveFindings(findings) {
      await step('save findings')
      for (const finding of findings)
        contents.findings.set(identify(finding), { ...structuredClone(finding), at: now() })
    },
    async findings({ kind, entity, limit = 1_000 } = {}) {
      await step('findings')
      return [...contents.findings.values()]
        .filter(
          (finding) =>
            (kind === undefined || finding.kind === kind) && (entity === undefined || finding.entity === entity),
        )
        .slice(0, limit)
    },
    async clearFindings({ kind, entity, subjects }) {
      await step('clear findings')
      const doomed = [...contents.findings].filter(
        ([, finding]) =>
          finding.kind === kind &&
          (entity === undefined || finding.entity === entity) &&
          (subjects === undefined || subjects.includes(finding.subject)),
      )
      for (const [id] of doomed) contents.findings.delete(id)
      return doomed.length
    },
  }
}

function identify({ kind, entity, subject }: FindingRecord): string {
  return JSON.stringify([kind, entity, subject])
}
