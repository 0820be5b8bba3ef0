// Lets nobody in but the admin: PouchDB's access control leaks, so there is none, and the server is not for users.
import { createHash, timingSafeEqual } from 'node:crypto'
import { CouchFault, sendFault } from './faults.ts'
import type { AdminCredentials } from './messages.ts'
import type { Handler } from './packages.ts'

export type CheckCredentials = (authorization: string | undefined) => boolean

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Checks an `Authorization` header against the admin's, in constant time. */
export function credentialCheck(admin: AdminCredentials): CheckCredentials {
  const expected = digest(`${admin.user}:${admin.pass}`)
  return (authorization) => {
    const [, encoded] = /^basic\s+(\S+)$/i.exec(authorization ?? '') ?? []
    if (encoded === undefined) return false
    return timingSafeEqual(digest(Buffer.from(encoded, 'base64').toString('utf8')), expected)
  }
}

/** `GET /` and `GET /_up` answer everyone, as in CouchDB; but wrong credentials are refused there too. */
export function gate(isAdmin: CheckCredentials): Handler {
  return (request, response, next) => {
    const { authorization } = request.headers
    if (isAdmin(authorization)) return next()
    const path = request.originalUrl.split('?')[0]
    const open = (request.method === 'GET' || request.method === 'HEAD') && (path === '/' || path === '/_up')
    if (open && authorization === undefined) return next()
    request.resume()
    const reason =
      authorization === undefined
        ? 'You are not authorized to access this db.'
        : 'Name or password is incorrect.'
    sendFault(response, new CouchFault(401, 'unauthorized', reason))
  }
}
