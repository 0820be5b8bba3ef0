// A write to try rules on, and what came of it.
import { rules, type Context, type Doc, type SecurityObject, type UserContext } from 'couch-shares/rules'

export interface WriteOf {
  doc?: Doc
  oldDoc?: Doc | null
  name?: string | null
  roles?: string[]
  secObj?: SecurityObject
}

/** Runs rules on a write. @returns `ok`, or the refusal as `forbidden: reason`; other exceptions go through */
export function verdictOf(write: WriteOf, f: (context: Context) => void): string {
  const userCtx: UserContext = {
    db: 'db',
    name: write.name === undefined ? 'ann' : write.name,
    roles: write.roles ?? [],
  }
  try {
    rules(f)(write.doc ?? { _id: 'a' }, write.oldDoc ?? null, userCtx, write.secObj ?? {})
    return 'ok'
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    const [[verdict, reason] = []] = Object.entries(refusal as Record<string, string>)
    return `${verdict}: ${reason}`
  }
}

/** What rules see of a write. */
export function seen<T>(write: WriteOf, look: (context: Context) => T): T {
  let value: { it: T } | undefined
  verdictOf(write, (context) => void (value = { it: look(context) }))
  if (value === undefined) throw new Error('Expected the rules to be called')
  return value.it
}
