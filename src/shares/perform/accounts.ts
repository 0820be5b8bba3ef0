// The accounts of shares with a password: keys derived, passwords checked, documents of `_users` kept as they should be.
import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Couch } from '../../couch/client.ts'
import type { Doc, StoredDoc } from '../../couch/document.ts'
import { CouchFault, isFault } from '../../couch/fault.ts'
import {
  accountDoc,
  accountDocumentId,
  accountName,
  accountRole,
  carriesRole,
  isInForce,
  isPrf,
  isRehashed,
  prfOf,
  PRFS,
  type Hashing,
  type PasswordAccount,
  type Prf,
} from '../model/password.ts'

const USERS = '_users'
const RANDOM_BYTES = 16

/** Somebody else may write the document at the same time: look, and try again so often. */
const TRIES = 10

const deriveBytes = promisify(pbkdf2)

/** Node.js's names of CouchDB's functions. */
const DIGESTS: Record<Prf, string> = {
  sha: 'sha1',
  sha224: 'sha224',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
}

/** The sections of CouchDB's settings in which it looks for those of hashing, in its order (chttpd_util.erl). */
const SECTIONS = ['chttpd_auth', 'couch_httpd_auth']

/**
 * How the server hashes passwords now, by its version and the settings of the node that answers; CouchDB's own defaults
 * stand for settings that cannot be read.
 * @throws {CouchFault}
 */
export async function readHashing(couch: Couch): Promise<Hashing> {
  const [{ version }, scheme, prf, iterations, upgrade] = await Promise.all([
    couch.server(),
    setting(couch, 'password_scheme'),
    setting(couch, 'pbkdf2_prf'),
    setting(couch, 'iterations'),
    setting(couch, 'upgrade_hash_on_auth'),
  ])
  const isOld = knowsSha1Only(version)
  const isNumber = iterations !== null && /^[1-9]\d*$/.test(iterations)
  return {
    scheme: scheme === 'simple' ? 'simple' : 'pbkdf2',
    prf: isOld ? 'sha' : prf !== null && isPrf(prf) ? prf : 'sha256',
    iterations: isNumber ? Number(iterations) : isOld ? 10 : 600_000,
    rehashes: !isOld && upgrade !== 'false',
  }
}

/** CouchDB before 3.4. */
function knowsSha1Only(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 3 || (major === 3 && minor < 4)
}

/** One setting at a time: its section also holds the secret of all sessions. */
async function setting(couch: Couch, key: string): Promise<string | null> {
  for (const section of SECTIONS) {
    try {
      return (await couch.request<string>({ path: ['_node', '_local', '_config', section, key] })).trim()
    } catch (error) {
      // The embedded server has no settings to be read, and says so by 501.
      const isLacking = isFault(error) && error.status === 501
      if (!isFault(error) || (error.retryable && !isLacking) || error.code === 'stopped') throw error
    }
  }
  return null
}

/**
 * A new password for a share: a new salt always, by which old sessions end; a new name and role where there was no
 * account before.
 * @param hashing of the server, else it writes the account anew at the first login
 */
export async function derive(
  share: string,
  password: string,
  before: PasswordAccount | null,
  { prf, iterations }: Pick<Hashing, 'prf' | 'iterations'>,
): Promise<PasswordAccount> {
  const random = randomHex()
  const salt = randomHex()
  const key = await deriveKey(password, { salt, iterations }, prf)
  return {
    name: before?.name ?? accountName(share, random),
    role: before?.role ?? accountRole(share, random),
    salt,
    derivedKey: key.toString('hex'),
    iterations,
  }
}

/** True where that is the account's password. It takes as long whether it is or not. */
export async function verifyPassword(account: PasswordAccount, password: string): Promise<boolean> {
  const prf = prfOf(account)
  const expected = Buffer.from(account.derivedKey, 'hex')
  if (prf === null || expected.length !== PRFS[prf]) return false
  return timingSafeEqual(await deriveKey(password, account, prf), expected)
}

const randomHex = (): string => randomBytes(RANDOM_BYTES).toString('hex')

const deriveKey = (
  password: string,
  { salt, iterations }: Pick<PasswordAccount, 'salt' | 'iterations'>,
  prf: Prf,
): Promise<Buffer> => deriveBytes(password, salt, iterations, PRFS[prf], DIGESTS[prf])

/**
 * `changed`: gone, or not as it should be · `foreign`: what stands there has not the account's role, so that the daemon
 * did not write it; it may have, and its holder deleted it and registered the name anew.
 */
export type AccountState = 'in force' | 'changed' | 'foreign'

/** How the account stands in CouchDB. @throws {CouchFault} */
export async function accountState(couch: Couch, account: PasswordAccount): Promise<AccountState> {
  return stateOf(couch, account, await read(couch, account))
}

async function stateOf(
  couch: Couch,
  account: PasswordAccount,
  there: StoredDoc | null,
): Promise<AccountState> {
  if (there === null) return 'changed'
  if (isInForce(there, account)) return 'in force'
  if (!carriesRole(there, account)) return 'foreign'
  const mayBeRehashed = there['salt'] === account.salt
  return mayBeRehashed && isRehashed(there, account, await readHashing(couch)) ? 'in force' : 'changed'
}

/**
 * Puts an account in force; nothing is written where it is. Conflicts that its holder made are removed, other
 * attributes go where the document has to be written.
 *
 * Where the holder put another password in force under the same salt and logged in with it, CouchDB goes on letting
 * that one in, and the restored one not, as long as it holds it in memory: it keeps passwords by name and salt until
 * nobody has tried the name for 10 minutes (couch_passwords_cache.erl). A new password is in force at once.
 * @param isOurs the registry says that the daemon made the account: whatever stands in its place is overwritten
 * @returns `foreign` where somebody else's account stands there: it is left as it is
 * @throws {CouchFault}
 */
export async function ensureAccount(
  couch: Couch,
  account: PasswordAccount,
  isOurs: boolean,
): Promise<'in place' | 'foreign'> {
  for (let tries = 1; ; tries += 1) {
    const there = await read(couch, account)
    const state = await stateOf(couch, account, there)
    if (state === 'in force') return 'in place'
    if (state === 'foreign' && !isOurs) return 'foreign'
    if (await write(couch, restored(account, there), tries)) return 'in place'
  }
}

const read = (couch: Couch, { name }: PasswordAccount): Promise<StoredDoc | null> =>
  couch.database(USERS).get(accountDocumentId(name), { conflicts: true })

/** The account over whatever leaf has won, and the ends of all others. */
function restored(account: PasswordAccount, there: StoredDoc | null): Doc[] {
  const doc = accountDoc(account)
  if (there === null) return [doc]
  return [{ ...doc, _rev: there._rev }, ...(there._conflicts ?? []).map((rev) => ended(doc._id, rev))]
}

const ended = (_id: string, _rev: string): Doc => ({ _id, _rev, _deleted: true })

/**
 * Deletes an account, with conflicts that its holder made; nothing where it is gone, or where somebody else has
 * registered its name since: the role is not theirs.
 * @throws {CouchFault}
 */
export async function removeAccount(couch: Couch, account: PasswordAccount): Promise<void> {
  const users = couch.database(USERS)
  for (let tries = 1; ; tries += 1) {
    const leaves = await users.leaves([{ id: accountDocumentId(account.name) }])
    const live = leaves.filter(({ _deleted }) => _deleted !== true)
    if (!live.some((leaf) => carriesRole(leaf, account))) return
    const ends = live.map(({ _id, _rev }) => ended(_id, _rev))
    if (await write(couch, ends, tries)) return
  }
}

/** False where somebody was faster; the faults carry CouchDB's words, and nothing of the document. */
async function write(couch: Couch, docs: Doc[], tries: number): Promise<boolean> {
  const written = await couch.database(USERS).bulk(docs)
  const failed = written.find(({ ok }) => !ok)
  if (failed === undefined || failed.ok) return true
  if (failed.error !== 'conflict') throw new CouchFault('forbidden', USERS, failed.reason)
  if (tries >= TRIES) throw new CouchFault('server_error', USERS, 'an account is changed again and again')
  return false
}
