import { isInstalled } from '../backfill/contestants.ts'
import { type ProcessCost, watchProcess } from '../backfill/watch-process.ts'

/** The checksums of a table on one server: the peer compares by replication and looks at no second engine. */
export async function checksumTable(url: string): Promise<ProcessCost | string> {
  if (!url.startsWith('mysql:')) return 'legacy is not MySQL or MariaDB'
  if (!isInstalled('pt-table-checksum')) return 'pt-table-checksum is not installed'
  const { hostname, port, username, password, pathname } = new URL(url)
  const database = pathname.slice(1)
  return watchProcess('pt-table-checksum', [
    `h=${hostname},P=${port === '' ? '3306' : port},u=${username}${password === '' ? '' : `,p=${password}`}`,
    `--databases=${database}`,
    '--tables=accounts',
    `--replicate=${database}.checksums`,
    '--no-check-binlog-format',
    '--no-check-replication-filters',
    '--no-version-check',
    '--recursion-method=none',
  ])
}
