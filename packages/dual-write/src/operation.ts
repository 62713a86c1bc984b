import type { Key } from '@twinspan/core'

/** What a key or unit function of an operation is called with: the arguments, and for writes the result after them. */
type WithResult<Args extends readonly unknown[], Result> = (...args: [...Args, result: Result]) => unknown

export interface ReadOptions<Args extends readonly unknown[], Result> {
  /** Whom the read is done for: the router decides by it. @default the unit that the request pinned, else the primary answers */
  readonly unit?: (...args: Args) => string
  /**
   * The key that the read looks up. A key that is dirty is answered by the primary. Without `key` and `keys` the primary
   * answers for as long as any key of the entity is dirty: a look-up by another column cannot know which key it will find.
   */
  readonly key?: (...args: Args) => Key
  /** The keys that the read looks up, where it is several. */
  readonly keys?: (...args: Args) => readonly Key[]
  /** How long the secondary may take before the primary answers instead. @default the wrapper's `readTimeoutMs` */
  readonly timeoutMs?: number
  /** Whether two answers say the same. @default structural equality, after `clean` */
  readonly compare?: (primary: Result, secondary: Result) => boolean
  /** What is compared of an answer; leaves out what may differ. */
  readonly clean?: (result: Result) => unknown
  /** Share of these reads that is repeated on the other side and compared, 0 to 1. @default the wrapper's `shadowRate` */
  readonly shadowRate?: number
}

interface WriteBase {
  /**
   * Lets the caller wait until the write has reached the secondary, and never longer than this: read your own writes in a canary.
   *
   * @default nobody waits
   */
  readonly waitForMirror?: { readonly budgetMs: number }
}

/** Exactly one of `key` and `keys`. Both get the arguments and, after them, the awaited result. */
export type WriteOptions<Args extends readonly unknown[], Result> =
  | (WriteBase & { readonly key: (...args: [...Args, result: Result]) => Key; readonly keys?: never })
  | (WriteBase & { readonly keys: (...args: [...Args, result: Result]) => readonly Key[]; readonly key?: never })

export interface ReadOperation<Args extends readonly unknown[], Result> {
  readonly kind: 'read'
  readonly options: ReadOptions<Args, Result>
}

export interface WriteOperation<Args extends readonly unknown[], Result> {
  readonly kind: 'write'
  readonly options: WriteOptions<Args, Result>
}

export interface LocalOperation {
  readonly kind: 'local'
}

/** A method that only reads. */
export function read<Args extends readonly unknown[], Result>(
  options: ReadOptions<Args, Result> = {},
): ReadOperation<Args, Result> {
  return { kind: 'read', options }
}

/** A method that writes. It runs on the primary alone; the mirror brings what it left behind to the other side. */
export function write<Args extends readonly unknown[], Result>(
  options: WriteOptions<Args, Result>,
): WriteOperation<Args, Result> {
  return { kind: 'write', options }
}

/** A method that touches no data (a helper, a getter of settings): always the primary's, never compared, never routed. */
export function local(): LocalOperation {
  return { kind: 'local' }
}

// `never` parameters admit every function, overloads and generics included.
type AnyMethod = (...args: never) => unknown

/** The names of the methods of a repository. */
export type MethodName<Repository> = {
  [Name in keyof Repository]-?: Repository[Name] extends AnyMethod ? Name : never
}[keyof Repository]

// A method that answers at once cannot be routed, since the guards in front of a routed read are asynchronous.
type OperationOf<Method> = Method extends (...args: infer Args) => infer Result
  ? Result extends PromiseLike<infer Value>
    ? ReadOperation<Args, Value> | WriteOperation<Args, Value> | LocalOperation
    : WriteOperation<Args, Result> | LocalOperation
  : never

/** One entry for every method. A method that is forgotten does not compile, and a write does not without its key. */
export type Operations<Repository> = {
  readonly [Name in MethodName<Repository>]: OperationOf<Repository[Name]>
}

/** An operation whose types are forgotten, for the interpreter. */
export type AnyOperation =
  | { readonly kind: 'read'; readonly options: ReadOptions<readonly unknown[], unknown> }
  | { readonly kind: 'write'; readonly options: WriteOptions<readonly unknown[], unknown> }
  | LocalOperation

/** The keys that an operation names, as the application gave them. */
export function keysOf(
  operation: {
    readonly key?: WithResult<readonly unknown[], unknown>
    readonly keys?: WithResult<readonly unknown[], unknown>
  },
  args: readonly unknown[],
): readonly Key[] | undefined {
  const call = (select: WithResult<readonly unknown[], unknown>): unknown =>
    (select as (...all: readonly unknown[]) => unknown)(...args)
  if (operation.keys !== undefined) return call(operation.keys) as readonly Key[]
  if (operation.key !== undefined) return [call(operation.key) as Key]
  return undefined
}
