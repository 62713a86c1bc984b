import type { Key } from '@twinspan/core'

// `never` parameters admit every function, overloads and generics included.
type AnyMethod = (...args: never) => unknown

type Answer<Method extends AnyMethod> = Awaited<ReturnType<Method>>

export interface ReadOptions<Method extends AnyMethod> {
  /** Whom the read is done for: the router decides by it. @default the unit that the request pinned, else the primary answers */
  readonly unit?: (...args: Parameters<Method>) => string
  /**
   * The key that the read looks up. A key that is dirty is answered by the primary. Without `key` and `keys` the primary
   * answers for as long as any key of the entity is dirty: a look-up by another column cannot know which key it will find.
   */
  readonly key?: (...args: Parameters<Method>) => Key
  /** The keys that the read looks up, where it is several. */
  readonly keys?: (...args: Parameters<Method>) => readonly Key[]
  /** How long the secondary may take before the primary answers instead. @default the wrapper's `readTimeoutMs` */
  readonly timeoutMs?: number
  /** Whether two answers say the same. @default structural equality, after `clean` */
  readonly compare?: (primary: Answer<Method>, secondary: Answer<Method>) => boolean
  /** What is compared of an answer; leaves out what may differ. It must not change the answer, which is the caller's. */
  readonly clean?: (result: Answer<Method>) => unknown
  /** Whether a difference is a known one, counted apart. Gets the answers as they are. @default none is */
  readonly ignore?: (primary: Answer<Method>, secondary: Answer<Method>) => boolean
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

/** The arguments of a method and, after them, what it answered. */
type Outcome<Method extends AnyMethod> = [...Parameters<Method>, result: Answer<Method>]

/** How a write of one key is rehearsed on the target. */
export interface RehearsalOptions<Method extends AnyMethod> {
  /**
   * `'call'`: the mirror of this process also calls the target repository's own method, with the arguments of the write,
   * inside the copy of its key, compares the row that it leaves with the row that is copied, and takes back what it did.
   * The copy alone counts. The target has to be given as a function `(connection) => repository`, and the method has to do
   * all of its work on that connection: a mail that it sends is sent.
   *
   * @default 'state': the target's method is not called
   */
  readonly mirror?: 'state' | 'call'
  /** Fields of the target's row that the method may fill in its own way: a timestamp, a version. @default [] */
  readonly ignoreFields?: readonly string[]
  /** Whether the answers of the two methods say the same. @default structural equality after `clean`, where one is given */
  readonly compare?: (primary: Answer<Method>, secondary: Answer<Method>) => boolean
  /** What is compared of an answer. @default answers are not compared, unless `compare` is given */
  readonly clean?: (result: Answer<Method>) => unknown
}

/** Exactly one of `key` and `keys`. Both get the arguments and, after them, the awaited result. */
export type WriteOptions<Method extends AnyMethod> =
  | (WriteBase &
      RehearsalOptions<Method> & { readonly key: (...outcome: Outcome<Method>) => Key; readonly keys?: never })
  | (WriteBase & {
      readonly keys: (...outcome: Outcome<Method>) => readonly Key[]
      readonly key?: never
      readonly mirror?: 'state'
    })

export interface ReadOperation<Method extends AnyMethod> {
  readonly kind: 'read'
  readonly options: ReadOptions<Method>
  /** Never set: it carries the method's type from the repository to the functions in the options. */
  readonly method?: Method
}

export interface WriteOperation<Method extends AnyMethod> {
  readonly kind: 'write'
  readonly options: WriteOptions<Method>
  /** Never set: it carries the method's type from the repository to the functions in the options. */
  readonly method?: Method
}

export interface LocalOperation {
  readonly kind: 'local'
}

/** A method that only reads. */
export function read<Method extends AnyMethod>(options: ReadOptions<Method> = {}): ReadOperation<Method> {
  return { kind: 'read', options }
}

/** A method that writes. It runs on the primary alone; the mirror brings what it left behind to the other side. */
export function write<Method extends AnyMethod>(options: WriteOptions<Method>): WriteOperation<Method> {
  return { kind: 'write', options }
}

/** A method that touches no data (a helper, a getter of settings): always the primary's, never compared, never routed. */
export function local(): LocalOperation {
  return { kind: 'local' }
}

/** The names of the methods of a repository. */
export type MethodName<Repository> = {
  [Name in keyof Repository]-?: Repository[Name] extends AnyMethod ? Name : never
}[keyof Repository]

// A method that answers at once cannot be routed: the guards in front of a routed read are asynchronous.
type OperationOf<Method> = Method extends AnyMethod
  ? ReturnType<Method> extends PromiseLike<unknown>
    ? ReadOperation<Method> | WriteOperation<Method> | LocalOperation
    : WriteOperation<Method> | LocalOperation
  : never

/** One entry for every method. A method that is forgotten does not compile, and a write does not without its key. */
export type Operations<Repository> = {
  readonly [Name in MethodName<Repository>]: OperationOf<Repository[Name]>
}

/** A method whose types are forgotten, for the interpreter. */
export type Untyped = (...args: readonly unknown[]) => Promise<unknown>

export type AnyOperation = ReadOperation<Untyped> | WriteOperation<Untyped> | LocalOperation

/** The keys that an operation names, as the application gave them. */
export function keysOf(
  { key, keys }: { readonly key?: (...args: never) => Key; readonly keys?: (...args: never) => readonly Key[] },
  args: readonly unknown[],
): readonly Key[] | undefined {
  if (keys !== undefined) return keys(...(args as never))
  return key === undefined ? undefined : [key(...(args as never))]
}
