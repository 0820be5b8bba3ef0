// Every setting of the daemon in one table: read from the environment, checked with zod, and all faults told at once.
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { nearest } from './edit-distance.ts'
import { isFixedKind, isUserKind, parseAssignments, userKindOf, type Assignment } from './skeletons/kinds.ts'
import { parseMasters, type Master } from './provisioning/masters-setting.ts'
import { findDesignTwice } from './skeletons/design.ts'
import { TemplateError, userDatabases, type UserDatabases } from './documents/names.ts'
import { SettingError } from './documents/setting.ts'
import { parsePaths, UPDATED_AT, type Path } from './documents/time.ts'

/** What the daemon runs with; times in milliseconds, folders absolute. */
export interface Config {
  server: { kind: 'couchdb'; url: string } | { kind: 'embedded'; port: number; dataDir: string | null }
  admin: { user: string; pass: string }
  /** The URL by which CouchDB reaches itself; null: the server's own url. */
  replicationServer: string | null
  userDatabases: UserDatabases
  /** Which databases are under which policy of the skeleton; the first pattern that fits counts. */
  databases: Assignment[]
  /** The databases that give documents to personal databases; without any, nobody gets a personal database. */
  masters: Master[]
  /** The attribute of `_users` documents that names the personal database. */
  personalDatabaseAttribute: string
  /** Further attributes of `_users` documents that name databases whose security the daemon sets. */
  userDatabaseAttributes: string[]
  /** What becomes of a personal database whose user is gone: kept for the admins, or dropped. */
  deprovision: 'keep' | 'drop'
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  concurrency: number
  replicationIdleTimeoutMs: number
  replicationCheckIntervalMs: number
  outbox: 'always' | 'first-share'
  sweepIntervalMs: number
  deletionGraceMs: number
  publicLimits: { mostBytes: number; mostObjects: number; mostChanges: number }
  /** Where documents say when they were written: of two changes the later one wins. */
  updatedAt: readonly Path[]
  /** The folder that lies over the shipped skeleton; null: that alone. */
  skeleton: string | null
  /** Indexes of a changed design document are built before it takes the place of the old one. */
  skeletonWarm: boolean
  opsPort: number | null
  opsHost: string
}

/** Those of them that the daemon is given, with the URL of the server that is there by then. */
export type DaemonConfig = Pick<
  Config,
  | 'admin'
  | 'userDatabases'
  | 'databases'
  | 'masters'
  | 'personalDatabaseAttribute'
  | 'userDatabaseAttributes'
  | 'deprovision'
  | 'skeletonWarm'
  | 'concurrency'
  | 'replicationServer'
  | 'replicationIdleTimeoutMs'
  | 'replicationCheckIntervalMs'
  | 'outbox'
  | 'sweepIntervalMs'
  | 'deletionGraceMs'
  | 'publicLimits'
  | 'updatedAt'
> & { url: string }

/** One thing wrong with the configuration; `found` is ready for display and never holds a secret. */
export interface Fault {
  variable: string
  expected: string
  found: string
}

/** A configuration that cannot be used: all its faults, one a line in `message`. */
export class ConfigError extends Error {
  readonly faults: Fault[]
  constructor(faults: Fault[]) {
    super(
      faults
        .map((fault) => `Expected \`${fault.variable}\` to be ${fault.expected}, got ${fault.found}`)
        .join('\n'),
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** A server's address, its credentials taken out; `url` has no trailing slash. */
interface Address {
  url: string
  user: string | null
  pass: string | null
}

/** A schema whose only issue reads as the end of the sentence "Expected X to be …". */
const parsedBy = <T>(
  expected: string | ((text: string) => string),
  parse: (text: string) => T | undefined,
): z.ZodType<T, string> =>
  z.string().transform((text, context) => {
    const value = parse(text)
    if (value !== undefined) return value
    const message = typeof expected === 'string' ? expected : expected(text)
    context.issues.push({ code: 'custom', message, input: text })
    return z.NEVER
  })

const wholeNumber = (least: number, most: number) =>
  parsedBy(`a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    return number >= least && number <= most ? number : undefined
  })

const port = wholeNumber(1, 65_535)

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Above this, Node's timers fire at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_MS = 596 * UNIT_MS.h

const duration = (least: 0 | 1) => {
  const expected = `a duration like 500ms, 30s, 30m, 2h or plain milliseconds, ${least === 0 ? '' : 'above 0 and '}at most 596h`
  return parsedBy(expected, (text) => {
    const [, digits, unit = 'ms'] = /^(\d{1,10})(ms|s|m|h)?$/.exec(text) ?? []
    const ms = digits === undefined ? NaN : Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
    return ms >= least && ms <= LONGEST_MS ? ms : undefined
  })
}

const oneOf = <const T extends readonly string[]>(names: T) =>
  z.enum(names, { error: `one of ${names.join(', ')}` })

const flag = oneOf(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')

/** The address of CouchDB's web page, which is what a browser shows. */
const FAUXTON = /\/_utils(?:[/?#]|$)/

/** Takes an address apart, or returns undefined where it is no usable one. */
function parseAddress(text: string): Address | undefined {
  // An @ in the path is an unescaped / in a password, which would be logged as part of the URL.
  if (/[?#\s]/.test(text) || FAUXTON.test(text) || !URL.canParse(text)) return undefined
  const { protocol, host, pathname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || pathname.includes('@')) return undefined
  try {
    return {
      url: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`,
      user: username === '' ? null : decodeURIComponent(username),
      pass: password === '' ? null : decodeURIComponent(password),
    }
  } catch {
    return undefined
  }
}

const orFauxton =
  (expected: string) =>
  (text: string): string =>
    FAUXTON.test(text) ? 'the URL of CouchDB itself, without /_utils and what is behind it' : expected

const address = parsedBy(
  orFauxton(
    'an http or https URL without query or fragment (special characters in a password percent-encoded)',
  ),
  parseAddress,
)

const addressWithoutCredentials = parsedBy(
  orFauxton('an http or https URL without query, fragment or credentials'),
  (text): string | undefined => {
    const parsed = parseAddress(text)
    return parsed && parsed.user === null && parsed.pass === null ? parsed.url : undefined
  },
)

/** What is compiled from a template; what is wrong with it ends the sentence "Expected X to be …". */
const compiledBy = <T>(compile: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return compile(text)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      context.issues.push({ code: 'custom', message: error.expected, input: text })
      return z.NEVER
    }
  })

const template = compiledBy((text) => userDatabases(text))

const accountRole = compiledBy((text) => {
  userDatabases('user/{id}', text)
  return text
})

const folder = parsedBy('a folder that exists', (text) => {
  const path = resolve(text)
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : undefined
})

const hostName = parsedBy('an address or host name to listen on, without a port', (text) =>
  isIP(text) !== 0 || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(text) ? text : undefined,
)

/** Basic authentication ends the name at the first colon: https://datatracker.ietf.org/doc/html/rfc7617#section-2 */
const userName = parsedBy('a name without a colon', (text) => (text.includes(':') ? undefined : text))

/** What CouchDB, or the daemon, reads in a document of `_users`: https://docs.couchdb.org/en/stable/intro/security.html */
const TAKEN_ATTRIBUTES = [
  ...['name', 'password', 'roles', 'type', 'salt', 'derived_key', 'iterations', 'password_scheme'],
  ...['pbkdf2_prf'],
]

const isAttribute = (name: string): boolean =>
  /^[a-z][a-z0-9_-]*$/i.test(name) && !TAKEN_ATTRIBUTES.includes(name)

const attribute = parsedBy(
  `the name of an attribute of _users documents: a letter, then letters, digits, _ and -, none of ${TAKEN_ATTRIBUTES.join(', ')}`,
  (text) => (isAttribute(text) ? text : undefined),
)

const attributes = parsedBy(
  `names of attributes of _users documents, each once: a letter, then letters, digits, _ and -, none of ${TAKEN_ATTRIBUTES.join(', ')}`,
  (text) => {
    const names = text.split(',').map((name) => name.trim())
    const given = names.filter((name) => name !== '')
    return given.every(isAttribute) && new Set(given).size === given.length ? given : undefined
  },
)

interface Setting {
  schema: z.ZodType<unknown, string>
  /** As it would be written in the environment; null: unset. */
  default: string | null
  /** Taken exactly as it is, and never shown, not even in a fault: who writes `user:pass` as a name shows a password. */
  hidden?: true
  /** What it does, in Markdown and without a point: the table in docs/settings.md is made of it. */
  says: string
}

/** All settings by the name of their variable, in the order of `.env.example`, which a test holds against it. */
export const SETTINGS = {
  HOODIE_SERVER: {
    schema: address,
    default: null,
    says: 'the URL of CouchDB, which may have a path prefix; unset: the embedded server',
  },
  COUCHDB_URL: { schema: address, default: null, says: 'another name for `HOODIE_SERVER`' },
  HOODIE_ADMIN_USER: { schema: userName, default: null, hidden: true, says: 'an admin of that server' },
  HOODIE_ADMIN_USER_FILE: {
    schema: z.string(),
    default: null,
    says: 'a file that holds the name, in its place',
  },
  HOODIE_ADMIN_PASS: { schema: z.string(), default: null, hidden: true, says: 'the password of that admin' },
  HOODIE_ADMIN_PASS_FILE: {
    schema: z.string(),
    default: null,
    says: 'a file that holds the password, in its place',
  },
  REPLICATION_SERVER: {
    schema: addressWithoutCredentials,
    default: null,
    says: 'the URL by which CouchDB reaches itself; unset: that of `HOODIE_SERVER`',
  },
  USER_DATABASES: {
    schema: template,
    default: 'user/{id}',
    says: 'how user databases are called; `userdb-{id}` for couch_peruser',
  },
  ACCOUNT_ROLE: {
    schema: accountRole,
    default: '{id}',
    says: 'the role of the account that owns the user database `{id}`: `id:{id}` for today’s Hoodie, `user:{id}` for CouchAuth',
  },
  OUTBOX: {
    schema: oneOf(['always', 'first-share']),
    default: 'always',
    says: 'when a user gets the admin-only database `<user database>/$shares`: `always`, or `first-share`',
  },
  DATABASES: {
    schema: z.string(),
    default: null,
    says: 'which other databases are under which policy of the skeleton: `project_*=authors, notes=read-only`',
  },
  MASTER_DATABASES: {
    schema: z.string(),
    default: null,
    says: 'databases whose documents go to the personal databases of users: `provisioning, cdr-master=cdrs`',
  },
  PERSONAL_DATABASE_ATTRIBUTE: {
    schema: attribute,
    default: 'database',
    says: 'the attribute of `_users` documents that names the personal database',
  },
  USER_DATABASE_ATTRIBUTES: {
    schema: attributes,
    default: 'voicemail_db',
    says: 'further attributes of `_users` documents that name databases whose security the daemon sets; `,` is none',
  },
  DEPROVISION: {
    schema: oneOf(['keep', 'drop']),
    default: 'keep',
    says: 'what becomes of a personal database whose user is gone: `keep`, for the admins alone, or `drop`',
  },
  UPDATED_AT: {
    schema: z.string(),
    default: UPDATED_AT.map((path) => path.join('.')).join(','),
    says: 'where documents say when they were written: attributes, with points for what is in them; daemons of one server have the same',
  },
  SKELETON: {
    schema: folder,
    default: null,
    says: 'a folder over the shipped skeleton: sync functions, policies and design documents of your own; unset: the shipped one alone',
  },
  SKELETON_WARM: {
    schema: flag,
    default: 'false',
    says: 'build the indexes of a changed design document before it takes the place of the old one',
  },
  CONCURRENCY: {
    schema: wholeNumber(1, 100),
    default: '8',
    says: 'how many users’ databases are worked on at once',
  },
  REPLICATION_IDLE_TIMEOUT: {
    schema: duration(1),
    default: '30m',
    says: 'a replication of a share, or of a master, is cancelled after it had nothing to do for so long',
  },
  REPLICATION_CHECK_INTERVAL: {
    schema: duration(1),
    default: '15s',
    says: 'how often running replications are looked at',
  },
  SWEEP_INTERVAL: {
    schema: duration(1),
    default: '15m',
    says: 'the pause between two slow sweeps over all databases',
  },
  DELETION_GRACE: {
    schema: duration(0),
    default: '5m',
    says: 'how long a user database may be gone before its shares end, and a user before the personal database is given up',
  },
  PUBLIC_MAX_OBJECTS: {
    schema: wholeNumber(0, 999_999_999),
    default: '1000',
    says: 'how many objects one user may write into a share that everyone may write into',
  },
  PUBLIC_MAX_BYTES: {
    schema: wholeNumber(0, 999_999_999),
    default: '100000',
    says: 'how many bytes such an object may have, with its attachments',
  },
  PUBLIC_MAX_CHANGES: {
    schema: wholeNumber(0, 999_999_999),
    default: '120',
    says: 'how many changes a minute one user may write there',
  },
  LOG_LEVEL: {
    schema: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    says: 'the least that is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace`, or `silent`',
  },
  OPS_PORT: {
    schema: port,
    default: null,
    says: 'the port that answers `/healthz` and `/readyz`; unset: none',
  },
  OPS_HOST: { schema: hostName, default: '127.0.0.1', says: 'the address that `OPS_PORT` listens on' },
  EMBEDDED: {
    schema: flag,
    default: null,
    says: '`true`: the embedded server, though an admin is given, or `NODE_ENV` is `production`; `false`: never',
  },
  EMBEDDED_PORT: { schema: port, default: '5984', says: 'the port of the embedded server, on 127.0.0.1' },
  EMBEDDED_DATA: {
    schema: z.string().transform((path) => resolve(path)),
    default: 'data',
    says: 'the folder of its data',
  },
  EMBEDDED_MEMORY: { schema: flag, default: 'false', says: '`true`: keep its data in memory only' },
} as const satisfies Record<string, Setting>

type Name = keyof typeof SETTINGS
type Value<N extends Name> = z.output<(typeof SETTINGS)[N]['schema']>

/** Whoever gives one of these has a server in mind. */
const ADMIN_SETTINGS = [
  'HOODIE_ADMIN_USER',
  'HOODIE_ADMIN_USER_FILE',
  'HOODIE_ADMIN_PASS',
  'HOODIE_ADMIN_PASS_FILE',
] as const satisfies Name[]

/** Whoever gives one of these has the embedded server in mind. */
const EMBEDDED_SETTINGS = ['EMBEDDED_PORT', 'EMBEDDED_DATA', 'EMBEDDED_MEMORY'] as const satisfies Name[]

const EMBEDDED_ADMIN = { user: 'admin', pass: 'admin' }

const NOTHING = 'nothing'

/** A value as a fault shows it: one line, short, and without what could be credentials in a URL. */
function display(text: string): string {
  // Up to the last @, because an unescaped @, / or # in a password is what a fault may be about.
  const scrubbed = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^]*@/i, '$1***@').replace(/\?[^]*$/, '?…')
  const line = JSON.stringify(scrubbed).slice(1, -1).replaceAll('\\"', '"')
  return `\`${line.length > 100 ? `${line.slice(0, 100)}…` : line}\``
}

const readTextFile = (path: string): string => readFileSync(path, 'utf8')

/**
 * Reads the settings from an environment; an empty value counts as unset.
 * @param readFile gives the text of a `…_FILE`; it throws where there is none.
 * @throws {ConfigError} with every fault there is
 */
export function loadConfig(env: Record<string, string | undefined>, readFile = readTextFile): Config {
  const faults: Fault[] = []
  const fault = (variable: Name, expected: string, found: string): undefined => {
    faults.push({ variable, expected, found })
  }

  const written = (name: Name): string | null => {
    const text = env[name]
    if (text === undefined) return null
    const kept = 'hidden' in SETTINGS[name] ? text : text.trim()
    return kept === '' ? null : kept
  }

  /** The checked value; null where unset, undefined where a fault was noted. */
  const read = <N extends Name>(
    name: N,
    text = written(name) ?? SETTINGS[name].default,
  ): Value<N> | null | undefined => {
    if (text === null) return null
    const setting: Setting = SETTINGS[name]
    const result = setting.schema.safeParse(text)
    if (result.success) return result.data as Value<N>
    return fault(
      name,
      result.error.issues[0]?.message ?? 'valid',
      setting.hidden ? 'a value that is not shown' : display(text),
    )
  }

  /** Text of a secret's file without its last line break; null where no file is named, undefined after a fault. */
  const readSecretFile = (name: Name): string | null | undefined => {
    const path = written(name)
    if (path === null) return null
    try {
      const text = readFile(path).replace(/\r?\n$/, '')
      return text === '' ? fault(name, 'a file with a value in it', `${display(path)}, which is empty`) : text
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException
      return fault(name, 'a file that can be read', `${display(path)} (${code})`)
    }
  }

  const readAdmin = (
    name: 'HOODIE_ADMIN_USER' | 'HOODIE_ADMIN_PASS',
    file: 'HOODIE_ADMIN_USER_FILE' | 'HOODIE_ADMIN_PASS_FILE',
    inUrl: string | null | undefined,
    embedded: string,
  ): string | undefined => {
    const direct = written(name)
    const fromFile = readSecretFile(file)
    if (direct !== null && fromFile !== null) return fault(file, `unset where \`${name}\` is set`, 'both')
    // A file that cannot be read was reported; asking for the value as well would be noise. So is a bad URL.
    if (fromFile === undefined) return undefined
    const own = read(name, direct ?? fromFile)
    if (own === undefined) return undefined
    if (inUrl === undefined) return own ?? undefined
    if (own !== null && inUrl !== null && own !== inUrl)
      return fault(name, 'the same as in the URL of the server, or unset', 'another one')
    return (
      own ?? inUrl ?? (isEmbedded ? embedded : fault(name, 'set, as there is a server to log in to', NOTHING))
    )
  }

  /** The entries of a setting that is a list of them; undefined where a fault was noted. */
  const readEntries = <Entries>(
    name: 'MASTER_DATABASES' | 'DATABASES' | 'UPDATED_AT',
    parse: (text: string) => Entries,
  ): Entries | undefined => {
    try {
      return parse(read(name) ?? '')
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      return fault(name, error.expected, display(error.found))
    }
  }

  const hoodieServer = read('HOODIE_SERVER')
  const couchdbUrl = read('COUCHDB_URL')
  if (hoodieServer && couchdbUrl && !sameAddress(hoodieServer, couchdbUrl))
    fault('COUCHDB_URL', 'the same as `HOODIE_SERVER`, or unset', display(written('COUCHDB_URL') ?? ''))
  const server = hoodieServer === null ? couchdbUrl : hoodieServer
  const isEmbedded = server === null

  /** Why there should be a server where none is set; null: the embedded one may be meant, or is. */
  const whyServer = (asked: boolean | null | undefined): string | null => {
    if (asked === false) return '`EMBEDDED` is false'
    if (asked || EMBEDDED_SETTINGS.some((name) => written(name) !== null)) return null
    const login = ADMIN_SETTINGS.find((name) => written(name) !== null)
    if (login !== undefined) return `\`${login}\` is`
    return env['NODE_ENV'] === 'production' ? '`NODE_ENV` is production' : null
  }

  const asked = read('EMBEDDED')
  const why = isEmbedded ? whyServer(asked) : null
  if (why !== null)
    fault(
      'HOODIE_SERVER',
      `set, as ${why} (with \`EMBEDDED=true\` an embedded server is started, for a first look)`,
      NOTHING,
    )
  if (asked && server) fault('EMBEDDED', 'unset where there is a server', 'both')

  const inUrl = (part: 'user' | 'pass') => (server === undefined ? undefined : (server?.[part] ?? null))
  const user = readAdmin('HOODIE_ADMIN_USER', 'HOODIE_ADMIN_USER_FILE', inUrl('user'), EMBEDDED_ADMIN.user)
  const pass = readAdmin('HOODIE_ADMIN_PASS', 'HOODIE_ADMIN_PASS_FILE', inUrl('pass'), EMBEDDED_ADMIN.pass)

  const named = read('USER_DATABASES')
  const role = read('ACCOUNT_ROLE')
  const users = named && userDatabases(named.template, role ?? undefined)
  // Nothing is checked against a template that is wrong itself, and masters that are wrong count as none.
  const masters = users ? readEntries('MASTER_DATABASES', (text) => parseMasters(text, users)) : undefined
  const databases = users
    ? readEntries('DATABASES', (text) => parseAssignments(text, users, masters))
    : undefined
  const personal = read('PERSONAL_DATABASE_ATTRIBUTE')
  const others = read('USER_DATABASE_ATTRIBUTES')
  if (personal && others?.includes(personal))
    fault(
      'USER_DATABASE_ATTRIBUTES',
      'other attributes than `PERSONAL_DATABASE_ATTRIBUTE`',
      display(personal),
    )
  const values = {
    replicationServer: read('REPLICATION_SERVER'),
    userDatabases: users,
    outbox: read('OUTBOX'),
    databases,
    masters,
    personalDatabaseAttribute: personal,
    userDatabaseAttributes: others,
    deprovision: read('DEPROVISION'),
    updatedAt: readEntries('UPDATED_AT', parsePaths),
    skeleton: read('SKELETON'),
    skeletonWarm: read('SKELETON_WARM'),
    concurrency: read('CONCURRENCY'),
    replicationIdleTimeoutMs: read('REPLICATION_IDLE_TIMEOUT'),
    replicationCheckIntervalMs: read('REPLICATION_CHECK_INTERVAL'),
    sweepIntervalMs: read('SWEEP_INTERVAL'),
    deletionGraceMs: read('DELETION_GRACE'),
    logLevel: read('LOG_LEVEL'),
    opsPort: read('OPS_PORT'),
    opsHost: read('OPS_HOST'),
  }
  const publicLimits = {
    mostObjects: read('PUBLIC_MAX_OBJECTS'),
    mostBytes: read('PUBLIC_MAX_BYTES'),
    mostChanges: read('PUBLIC_MAX_CHANGES'),
  }
  const embeddedPort = read('EMBEDDED_PORT')
  const embeddedData = read('EMBEDDED_DATA')
  const embeddedMemory = read('EMBEDDED_MEMORY')

  if (faults.length > 0) throw new ConfigError(faults)
  // Without a fault every value is there: what has a default is not null, and nothing is undefined.
  return {
    server: server
      ? { kind: 'couchdb', url: server.url }
      : { kind: 'embedded', port: embeddedPort!, dataDir: embeddedMemory ? null : embeddedData! },
    admin: { user: user!, pass: pass! },
    publicLimits,
    ...(values as { [K in keyof typeof values]: Exclude<(typeof values)[K], undefined> }),
  } as Config
}

/** So many letters of a policy's name may be wrong for it to be the one that was meant. */
const MOST_WRONG = 2

/**
 * Holds DATABASES against the skeleton.
 * @param kinds all that have a folder there, whether they are used or not
 * @throws {ConfigError} where a policy has no folder there
 */
export function checkPolicies(
  { databases, masters }: Pick<Config, 'databases' | 'masters'>,
  kinds: Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'>,
): void {
  const ofMasters = masters.flatMap(({ kind }) => [kind, userKindOf(kind)])
  const policies = [...kinds.keys()].filter(
    (kind) => !isFixedKind(kind) && !ofMasters.includes(kind) && !isForMasters(kind, kinds),
  )
  const unknown = databases.filter(({ kind }) => !kinds.has(kind))
  const expected = (kind: string): string => {
    if (policies.length === 0) return 'unset, as the skeleton has no folder of a policy'
    const meant = nearest(kind, policies, MOST_WRONG)
    const hint = meant === null ? '' : ` (is ${meant} meant?)`
    return `patterns with policies of the skeleton, ${policies.join(', ')}${hint}`
  }
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map(({ pattern, kind }) => ({
        variable: 'DATABASES',
        expected: expected(kind),
        found: display(`${pattern}=${kind}`),
      })),
    )
}

/** What a master, and those who get its documents, are born with is no policy that anybody looks for. */
const isForMasters = (kind: string, kinds: Pick<ReadonlyMap<string, unknown>, 'has'>): boolean =>
  isUserKind(kind) || kinds.has(userKindOf(kind))

/**
 * Holds MASTER_DATABASES against the skeleton that was read.
 * @throws {ConfigError} where a master's kind has no folder there, or what personal databases are to have is not clear: two
 *   folders `<kind>-user` with the same design document, or one with a `_security.json`
 */
export function checkMasters(
  { masters }: Pick<Config, 'masters'>,
  skeleton: ReadonlyMap<string, { security: unknown; designDocuments: readonly { _id: string }[] }>,
): void {
  const faults = masters.flatMap(({ database, kind }): Fault[] =>
    skeleton.has(kind)
      ? []
      : [faultOfMasters('databases with kinds that are folders of the skeleton', `${database}=${kind}`)],
  )
  const userKinds = [...new Set(masters.map(({ kind }) => userKindOf(kind)))]
  for (const kind of userKinds)
    if (skeleton.get(kind)?.security)
      faults.push(
        faultOfMasters(
          'databases with kinds that leave it to the registry who may enter personal databases',
          `${kind}/_security.json`,
        ),
      )
  const twice = findDesignTwice(
    userKinds.map((kind) => [kind, skeleton.get(kind)?.designDocuments ?? []] as const),
  )
  if (twice !== null)
    faults.push(
      faultOfMasters(
        'databases with kinds that together have each design document of personal databases once',
        `${twice.id} in ${twice.kinds.join(' and ')}`,
      ),
    )
  if (faults.length > 0) throw new ConfigError(faults)
}

const faultOfMasters = (expected: string, found: string): Fault => ({
  variable: 'MASTER_DATABASES',
  expected,
  found: display(found),
})

const sameAddress = (one: Address, other: Address): boolean =>
  one.url === other.url && one.user === other.user && one.pass === other.pass
