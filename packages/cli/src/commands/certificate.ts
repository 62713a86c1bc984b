import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { verifyCertificate } from '@twinspan/cutover'
import { Option } from 'commander'
import type { CommandDefinition } from '../command.ts'
import type { Host } from '../host.ts'
import { toJson } from '../output.ts'
import { clean, count, instant, wrap } from '../text.ts'
import { UsageError } from '../usage-error.ts'

interface KeyFlags {
  readonly key: string
}

export const certificate: CommandDefinition<KeyFlags> = {
  usage: 'certificate',
  summary: 'sign that nothing was left to copy, and what the last sweeps found',
  details:
    'From dual-write to target-primary, with a clean full sweep of every entity. Writes the certificate to stdout. Status 1, and nothing is signed, where anything is in the way.',
  examples: ['certificate --key private.pem > certificate.json'],
  options: [
    new Option(
      '--key <file>',
      'an Ed25519 private key (PEM): openssl genpkey -algorithm ed25519',
    ).makeOptionMandatory(),
  ],
  async run({ host, output, open }, { key }) {
    const privateKey = await readText(host, key)
    const session = await open()
    const signed = await session.cutover({ drives: false }).certificate({ privateKey })
    output.object(signed)
    output.lines(toJson(signed))
    const rows = signed.entities.reduce((sum, { rows: some }) => sum + some, 0)
    output.note(`Signed: ${count(rows)} rows alike, nothing left to copy at ${instant(signed.at)}.`)
    return 'done'
  },
}

export const verifyCertificateCommand: CommandDefinition<KeyFlags> = {
  usage: 'verify-certificate <file>',
  summary: 'whether a certificate is what the holder of the key signed',
  details: 'Needs no database and no configuration.',
  examples: ['verify-certificate certificate.json --key public.pem'],
  options: [new Option('--key <file>', 'the Ed25519 public key (PEM)').makeOptionMandatory()],
  async run({ host, output }, { key }, [file = '']) {
    const publicKey = await readText(host, key)
    const report = verifyCertificate(parse(await readText(host, file), file), publicKey)
    output.object(report)
    output.lines(
      report.ok
        ? `${output.paint('good', 'Sound.')} It is what was signed.`
        : output.paint('bad', 'Not to be trusted.'),
      ...report.problems.flatMap((problem) => wrap(`  ${clean(problem)}.`, output.width)),
    )
    return report.ok ? 'done' : 'blocked'
  },
}

async function readText({ cwd }: Host, file: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`)
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is no JSON.`)
  }
}
