export interface Import {
  readonly from: string
  /** Erased by the compiler: a type is free, a run-time import is a dependency. */
  readonly typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?[\w$*\s{},]+?\sfrom\s*['"]([^'"]+)['"]/gm
const BARE = /^import\s*['"]([^'"]+)['"]/gm
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g

/** The modules that a source file names, doc comments left out. */
export function importsOf(source: string): readonly Import[] {
  const code = withoutComments(source)
  return [
    ...Array.from(code.matchAll(STATEMENT), ([, type, from = '']) => ({ from, typeOnly: type !== undefined })),
    ...Array.from(code.matchAll(BARE), ([, from = '']) => ({ from, typeOnly: false })),
    ...Array.from(code.matchAll(DYNAMIC), ([, from = '']) => ({ from, typeOnly: false })),
  ]
}

/** The statements of a barrel that are not re-exports. */
export function codeIn(barrel: string): string {
  return withoutComments(barrel)
    .replaceAll(/^export\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s+from\s*['"][^'"]+['"];?/gm, '')
    .trim()
}

/** `node:fs/promises` → `node:fs/promises`, `@a/b/c` → `@a/b`, `a/b` → `a`. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function withoutComments(source: string): string {
  // Strings are matched first, so that the // of a URL is not taken for a comment.
  return source.replaceAll(
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/.*/g,
    (match) => (match.startsWith('/') ? '' : match),
  )
}
