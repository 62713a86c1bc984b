/**
 * Statements as a script for the engine's own client: `psql`, `mariadb` or `mysql`, `sqlite3`.
 *
 * @param engine as a side names it: `'postgres'`, `'mysql'` (MariaDB too), `'sqlite'`
 */
export function sqlScript(engine: string, statements: readonly string[]): readonly string[] {
  const plain = statements.map((statement) => statement.trim().replace(/;$/, ''))
  if (plain.length === 0 || engine !== 'mysql') return plain.map((statement) => `${statement};\n`)
  // The client ends a statement at its first semicolon, and a trigger has some inside; its own character set may be narrower.
  const delimiter = unused(plain)
  return [
    'set names utf8mb4;',
    `DELIMITER ${delimiter}\n`,
    ...plain.map((statement) => `${statement}\n${delimiter}\n`),
    'DELIMITER ;\n',
  ]
}

/** One that stands in no statement: the client looks for it in names and texts as well. */
function unused(statements: readonly string[]): string {
  const candidates = ['$$', '//', ';;', ...Array.from({ length: 100 }, (_, index) => `end_of_statement_${index}`)]
  const isUnused = (candidate: string): boolean => statements.every((text) => !text.includes(candidate))
  return candidates.find(isUnused) ?? '$$'
}
