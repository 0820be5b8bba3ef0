// Whether somebody may shut the daemon out by guessing at its password: CouchDB locks an account for an address.
import type { Connection } from './connection.ts'
import { readServerSetting } from './server-setting.ts'
import type { Finding } from './finding.ts'

/** CouchDB's own, since 3.5. https://docs.couchdb.org/en/stable/config/auth.html */
const SINCE = [3, 5] as const
const USUAL_THRESHOLD = '5'

/** Names that are tried first. */
const GUESSED = ['admin', 'administrator', 'root', 'couchdb', 'couch', 'hoodie', 'couch-shares']

/** Nothing where CouchDB locks nobody out. @throws {CouchFault} */
export async function checkLockout({ couch, config, isEmbedded }: Connection): Promise<Finding[]> {
  if (isEmbedded) return []
  const mode = await readServerSetting(couch, 'chttpd_auth_lockout', 'mode')
  if (!(await isEnforced(couch, mode))) return []
  const threshold = (await readServerSetting(couch, 'chttpd_auth_lockout', 'threshold')) ?? USUAL_THRESHOLD
  const locks = `CouchDB locks an account for an address after ${threshold} wrong passwords ([chttpd_auth_lockout])`
  return GUESSED.includes(config.admin.user.toLowerCase())
    ? [
        {
          level: 'note',
          text: `${locks}, and the daemon’s is called ${config.admin.user}, which anybody guesses: whoever comes from the daemon’s address shuts it out for minutes, see "Locked out" in docs/operating.md`,
        },
      ]
    : [{ level: 'ok', text: `${locks}; the daemon has an account of its own` }]
}

async function isEnforced(couch: Connection['couch'], mode: string | null): Promise<boolean> {
  if (mode !== null) return mode === 'enforce'
  const [major = 0, minor = 0] = (await couch.server()).version.split('.').map(Number)
  return major > SINCE[0] || (major === SINCE[0] && minor >= SINCE[1])
}
