import { firstEmail, memberNumber } from '../domain/members.ts'

export interface Member {
  readonly id: number
  email: string
}

const RETURNING = 0.3
const REST_MS = 5_000

/** Who comes next: somebody new, or, once `returning` is set, now and then somebody who has been here before. */
export class Members {
  readonly #total: number
  readonly #rested: { readonly member: Member; readonly left: number }[] = []
  #next = 1
  returning = false

  constructor(total: number) {
    this.#total = total
  }

  arrive(): Member {
    const [first] = this.#rested
    const exhausted = this.#next > this.#total
    if (
      first !== undefined &&
      (exhausted || (this.returning && Math.random() < RETURNING && Date.now() - first.left > REST_MS))
    ) {
      this.#rested.shift()
      return first.member
    }
    const id = memberNumber(this.#next++)
    return { id, email: firstEmail(id) }
  }

  leave(member: Member): void {
    this.#rested.push({ member, left: Date.now() })
  }
}
