// Sessions by cookie, as CouchDB has them: https://docs.couchdb.org/en/stable/api/server/authn.html#cookie-authentication
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Accounts, Known } from './accounts.ts'
import { badRequest, CouchFault } from './faults.ts'
import type { Router } from './router.ts'
import { isJson, parseJson, queryOf, readText } from './parameters.ts'
import { unauthorized, wrongCredentials } from './user.ts'
import type { Request } from './request.ts'
import { sendFault, sendJson } from './answers.ts'

const COOKIE = 'AuthSession'
const LIFETIME_S = 600
/** A session that goes on gets a new cookie when so much of the old one's time is over. */
const RENEW_AFTER_S = 60

const nowS = (): number => Math.floor(Date.now() / 1000)

/** Sessions end with this process: nothing of them is kept. */
export class Sessions {
  readonly #secret = randomBytes(32)
  readonly #accounts: Pick<Accounts, 'find'>

  constructor(accounts: Pick<Accounts, 'find'>) {
    this.#accounts = accounts
  }

  /** A `Set-Cookie` header: it ends when the account's password changes. */
  cookieOf({ user, salt }: Known): string {
    const said = `${user.name}:${nowS().toString(16)}`
    const signed = Buffer.concat([Buffer.from(`${said}:`), this.#sign(said, salt)])
    return setCookie(signed.toString('base64url'), LIFETIME_S)
  }

  /**
   * Who sent a `Cookie` header, and the cookie for the next time where one is due; null where there is no session, or it
   * is over, or another server's: browsers send the same ones to all ports. Throws for one that no server made.
   */
  async read(header: string | undefined): Promise<{ known: Known; cookie: string | null } | null> {
    const [, value = ''] = /(?:^|;\s*)AuthSession="?([^;"]*)/.exec(header ?? '') ?? []
    if (value === '') return null
    const match = /^([^:]+):([0-9a-f]{1,12}):(.+)$/is.exec(Buffer.from(value, 'base64url').toString('latin1'))
    const [, bytes, time, signature] = match ?? []
    if (bytes === undefined || time === undefined || signature === undefined)
      throw badRequest('Malformed AuthSession cookie. Please clear your cookies.')
    const ageS = nowS() - parseInt(time, 16)
    if (ageS >= LIFETIME_S) return null
    const name = Buffer.from(bytes, 'latin1').toString('utf8')
    const known = await this.#accounts.find(name)
    if (known === null) return null
    const expected = this.#sign(`${name}:${time}`, known.salt)
    const given = Buffer.from(signature, 'latin1')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
    return { known, cookie: ageS < RENEW_AFTER_S ? null : this.cookieOf(known) }
  }

  #sign(text: string, salt: string): Buffer {
    return createHmac('sha256', Buffer.concat([this.#secret, Buffer.from(salt)]))
      .update(text)
      .digest()
  }
}

/** Browsers send it to this server from pages of the same host only, whatever the port is. */
const setCookie = (value: string, lifetimeS: number): string =>
  `${COOKIE}=${value}; Version=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=${lifetimeS}`

const NO_COOKIE = setCookie('', 0)

/** `_session`: log in, log out, who am I. */
export function addSessionRoutes(router: Router, accounts: Accounts, sessions: Sessions): void {
  router.get('/_session', (request, response) => {
    const { user, authenticated } = request
    if (user.name === null && queryOf(request).get('basic') === 'true') throw unauthorized('Please login.')
    sendJson(response, 200, {
      ok: true,
      userCtx: { name: user.name, roles: user.roles },
      info: {
        authentication_handlers: ['cookie', 'default'],
        ...(authenticated === undefined ? {} : { authenticated }),
      },
    })
  })

  router.raw('POST', '/_session', async (request, response) => {
    const { name, password } = await readLogin(request)
    const known = await accounts.logIn(name, password)
    if (known === null) {
      response.setHeader('set-cookie', NO_COOKIE)
      return sendFault(response, wrongCredentials())
    }
    const cookie = sessions.cookieOf(known)
    sendJson(response, 200, { ok: true, name, roles: known.user.roles }, { 'set-cookie': cookie })
  })

  router.delete('/_session', (_, response) =>
    sendJson(response, 200, { ok: true }, { 'set-cookie': NO_COOKIE }),
  )
}

async function readLogin(request: Request): Promise<{ name: string; password: string }> {
  const type = request.headers['content-type'] ?? ''
  const text = await readText(request)
  let body: unknown
  if (type.startsWith('application/json')) body = parseJson(text)
  else if (type.startsWith('application/x-www-form-urlencoded'))
    body = Object.fromEntries(new URLSearchParams(text))
  else
    throw new CouchFault(
      415,
      'bad_content_type',
      "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'",
    )
  const { name, username = name, password = '' } = isJson(body) ? body : {}
  if (typeof username !== 'string') throw badRequest('request body must contain a username')
  if (typeof password !== 'string') throw badRequest('password must be a string')
  return { name: username, password }
}
