import { codeIn, type Import, importsOf, packageOf } from './imports.ts'

export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

export interface Package {
  readonly manifest: Manifest
  /** Path below the package's folder → text. */
  readonly sources: Readonly<Record<string, string>>
}

interface Place {
  /** The packages of ours that it may import; a port lives in core, or in the feature that asks for it. */
  readonly ours: readonly string[]
  /** The packages of others that its code may import at run time. */
  readonly others: readonly string[]
}

const feature: Place = { ours: ['@twinspan/core'], others: ['@opentelemetry/api'] }

/** Who may lean on whom. A new package is a new row. */
const PLACES: Readonly<Record<string, Place>> = {
  '@twinspan/core': { ours: [], others: ['@opentelemetry/api'] },
  '@twinspan/kysely': { ours: ['@twinspan/core'], others: ['@opentelemetry/api', 'kysely'] },
  '@twinspan/dual-write': { ...feature, others: [...feature.others, 'p-retry'] },
  '@twinspan/backfill': feature,
  '@twinspan/pg-boss': { ours: ['@twinspan/core'], others: ['pg-boss'] },
  '@twinspan/router': { ...feature, others: [...feature.others, '@openfeature/server-sdk'] },
  '@twinspan/reconcile': feature,
  '@twinspan/cutover': feature,
  '@twinspan/console': { ...feature, others: [...feature.others, 'uplot'] },
  // The command line is where the features meet: it drives all of them, and none of them knows it.
  twinspan: {
    ours: [
      '@twinspan/core',
      '@twinspan/kysely',
      '@twinspan/dual-write',
      '@twinspan/backfill',
      '@twinspan/router',
      '@twinspan/reconcile',
      '@twinspan/cutover',
    ],
    others: ['@opentelemetry/api', 'c12', 'cli-progress', 'commander', 'kysely'],
  },
  '@twinspan/shadow-auth': { ...feature, others: [...feature.others, 'argon2', 'bcrypt'] },
}

/** A contract suite registers its tests with the runner; nothing else in core may know that there is one. */
const TESTING = { folder: 'src/testing', others: ['vitest'] }

const TELEMETRY = '@opentelemetry/api'

/** Every way in which a package breaks the dependency rule, one sentence each. */
export function violations({ manifest, sources }: Package): readonly string[] {
  const place = PLACES[manifest.name]
  if (!place) return [`${manifest.name} has no row in PLACES (test/architecture/rules.ts)`]
  return [
    ...Object.entries(sources).flatMap(([file, source]) =>
      importsOf(source).flatMap((found) => complaint(manifest, place, file, found)),
    ),
    ...dependencies(manifest, place),
    ...telemetry(manifest, sources),
    ...barrels(manifest, sources),
    ...conditions(manifest),
  ]
}

function complaint(manifest: Manifest, place: Place, file: string, { from, typeOnly }: Import): readonly string[] {
  const where = `${manifest.name}: ${file} imports ${from}`
  if (from.startsWith('node:')) return []
  if (from.startsWith('.')) return escapes(file, from) ? [`${where}, which lies outside its src`] : []
  const name = packageOf(from)
  if (name.startsWith('@twinspan/')) return place.ours.includes(name) ? [] : [`${where}: it may not know ${name}`]
  const testing = file.startsWith(`${TESTING.folder}/`) && TESTING.others.includes(name)
  // An adapter alone may name what it adapts, even as a type: a declaration file would drag it into every consumer.
  if (place.others.includes(name) || testing) return declared(manifest, name) ? [] : [`${where} without declaring it`]
  if (typeOnly && declared(manifest, name)) return []
  return [`${where}: not among the modules it may use (${place.others.join(', ')})`]
}

function escapes(file: string, from: string): boolean {
  return !new URL(from, `file:///${file}`).pathname.startsWith('/src/')
}

function declared({ dependencies = {}, peerDependencies = {} }: Manifest, name: string): boolean {
  return name in dependencies || name in peerDependencies
}

function dependencies({ name, dependencies = {}, peerDependencies = {} }: Manifest, place: Place): readonly string[] {
  const allowed = [...place.ours, ...place.others, ...(name === '@twinspan/core' ? TESTING.others : [])]
  return Object.keys({ ...dependencies, ...peerDependencies })
    .filter((dependency) => !allowed.includes(dependency))
    .map((dependency) => `${name}: package.json depends on ${dependency}`)
}

function telemetry({ name }: Manifest, sources: Package['sources']): readonly string[] {
  const files = Object.keys(sources).filter((file) =>
    importsOf(sources[file] ?? '').some(({ from, typeOnly }) => from === TELEMETRY && !typeOnly),
  )
  return files.length > 1 ? [`${name}: more than one file imports ${TELEMETRY} at run time: ${files.join(', ')}`] : []
}

function barrels({ name }: Manifest, sources: Package['sources']): readonly string[] {
  return Object.entries(sources)
    .filter(([file, source]) => /(^|\/)index\.ts$/.test(file) && codeIn(source) !== '')
    .map(([file, source]) => `${name}: ${file} holds more than re-exports: ${codeIn(source).split('\n')[0]}`)
}

function conditions({ name, exports = {} }: Manifest): readonly string[] {
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string' || Object.keys(target).join() === 'twinspan-src,types,default'
      ? []
      : [`${name}: exports["${path}"] must list twinspan-src, types, default, in this order`],
  )
}
