import { createHmac, timingSafeEqual } from 'node:crypto'

/** Says who is logged in, without a table: every instance of the service that knows the secret believes it. */
export interface Tokens {
  issue(member: number): string
  /** The member's number, or `undefined` for anything that was not issued. */
  read(token: string): number | undefined
}

export function createTokens(secret: string): Tokens {
  const sign = (member: string): Buffer => createHmac('sha256', secret).update(member).digest()
  return {
    issue: (member) => `${member}.${sign(String(member)).toString('base64url')}`,
    read(token) {
      const [member = '', signature = ''] = token.split('.')
      const given = Buffer.from(signature, 'base64url')
      const right = sign(member)
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
      return Number(member)
    },
  }
}
