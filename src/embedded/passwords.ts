// Passwords of accounts: hashed as CouchDB hashes them, and checked once, because the hash is slow on purpose.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { CouchFault } from './faults.ts'
import type { Json } from './packages.ts'
import { Turns } from './turns.ts'

const derive = promisify(pbkdf2)

/** Far fewer than CouchDB's 600,000: for a first look nobody is to wait. */
const ITERATIONS = 10_000
/** CouchDB's own are 600,000; an account that asks for more than this is nobody's. */
const MOST_ITERATIONS = 1_000_000
const BYTES = 32
/** Node.js's names of CouchDB's functions; the first is meant where an account names none. */
const DIGESTS = new Map<unknown, string>([
  ['sha', 'sha1'],
  ['sha224', 'sha224'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
])

/** What an account has instead of its password. https://github.com/apache/couchdb/blob/main/src/couch/src/couch_users_db.erl */
const FIELDS = [
  'derived_key',
  'iterations',
  'password',
  'password_scheme',
  'password_sha',
  'preserve_salt',
  'pbkdf2_prf',
  'salt',
]

/** Puts the hash of a password in its place. A `password` of null stays, as in CouchDB: it is none. */
export async function hidePassword(doc: Json): Promise<void> {
  const { password } = doc
  if (password === undefined || password === null) return
  for (const field of FIELDS) delete doc[field]
  if (typeof password !== 'string') throw new CouchFault(403, 'forbidden', 'Password value is invalid.')
  const salt = randomBytes(16).toString('hex')
  const key = await derive(password, salt, ITERATIONS, BYTES, 'sha256')
  Object.assign(doc, {
    password_scheme: 'pbkdf2',
    pbkdf2_prf: 'sha256',
    salt,
    iterations: ITERATIONS,
    derived_key: key.toString('hex'),
  })
}

/** How many right passwords are remembered, the latest ones. */
const MOST_REMEMBERED = 1_000

/** Hashes and checks passwords, a few at a time, fair between names. */
export class Passwords {
  /** Of this process, so that what is remembered is of no use elsewhere. */
  readonly #key = randomBytes(32)
  readonly #right = new Set<string>()
  readonly #turns = new Turns(ITERATIONS)

  /** Is it the password of the account? At once where it was before, as long as the account's hash is the same. */
  async verify(account: Json, password: string): Promise<boolean> {
    const mark = this.#markOf(account, password)
    if (!this.#right.delete(mark) && !(await this.#matches(account, password))) return false
    this.#right.add(mark)
    for (const oldest of this.#right) {
      if (this.#right.size <= MOST_REMEMBERED) break
      this.#right.delete(oldest)
    }
    return true
  }

  /** A wrong password costs as much as a right one, and people write the number of iterations into their own accounts. */
  #matches(account: Json, password: string): Promise<boolean> {
    const cost = isCount(account['iterations']) ? account['iterations'] : 0
    return this.#turns.take(String(account['_id']), cost, () => matches(account, password))
  }

  #markOf(account: Json, password: string): string {
    const hashed = FIELDS.map((field) => account[field] ?? null)
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([account['_id'], hashed, password]))
      .digest('base64')
  }
}

async function matches(account: Json, password: string): Promise<boolean> {
  const { password_scheme: scheme, salt, iterations, derived_key: key, password_sha: sha } = account
  if (typeof salt !== 'string') return false
  if (scheme !== 'pbkdf2') {
    return isEqual(createHash('sha1').update(`${password}${salt}`).digest('hex'), sha)
  }
  const digest = DIGESTS.get(account['pbkdf2_prf'] ?? 'sha')
  const isUsable =
    digest !== undefined &&
    typeof key === 'string' &&
    /^(?:[0-9a-f]{2}){16,64}$/.test(key) &&
    isCount(iterations)
  if (!isUsable) return false
  const derived = await derive(password, salt, iterations, key.length / 2, digest)
  return isEqual(derived.toString('hex'), key)
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MOST_ITERATIONS

function isEqual(text: string, expected: unknown): boolean {
  const [one, other] = [Buffer.from(text), Buffer.from(typeof expected === 'string' ? expected : '')]
  return one.length === other.length && timingSafeEqual(one, other)
}
