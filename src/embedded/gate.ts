// Finds out who makes a request: by the cookie of a session, or by HTTP Basic. What that one may do is up to access.ts.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Accounts, CheckCredentials } from './accounts.ts'
import type { AdminCredentials } from './messages.ts'
import type { Sessions } from './sessions.ts'
import { NOBODY, wrongCredentials, type User } from './user.ts'
import type { Request, Response } from './request.ts'

/** Who an `Authorization` header is: nobody where there is none. Throws for a wrong name or password. */
export type LogIn = (authorization: string | undefined) => Promise<User>

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Checks a name and a password against the admin's, in constant time. */
export function credentialCheck(admin: AdminCredentials): CheckCredentials {
  const expected = digest(`${admin.user}:${admin.pass}`)
  return (name, password) => timingSafeEqual(digest(`${name}:${password}`), expected)
}

/** Logs in by `Authorization: Basic`. */
export function basicLogin(accounts: Accounts): LogIn {
  return async (authorization) => {
    const credentials = readBasic(authorization)
    if (credentials === null) return NOBODY
    const known = await accounts.logIn(credentials.name, credentials.password)
    if (known === null) throw wrongCredentials()
    return known.user
  }
}

/** Null where there is none that could be right; `_:_` is how a browser is made to forget one. */
function readBasic(authorization: string | undefined): { name: string; password: string } | null {
  const [, encoded] = /^basic\s+(\S+)$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const at = text.indexOf(':')
  return at === -1 || text === '_:_' ? null : { name: text.slice(0, at), password: text.slice(at + 1) }
}

/** Puts `user` on the request. Throws for wrong credentials, wherever they are sent to, as CouchDB does. */
export async function identify(
  request: Request,
  response: Response,
  logIn: LogIn,
  sessions: Sessions,
): Promise<void> {
  const { cookie, authorization } = request.headers
  const session = cookie === undefined ? null : await sessions.read(cookie)
  if (session?.cookie) response.setHeader('set-cookie', session.cookie)
  request.user = session?.known.user ?? (await logIn(authorization))
  if (request.user.name !== null) request.authenticated = session === null ? 'default' : 'cookie'
}
