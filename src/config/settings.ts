// Every setting in one table: its values, its default and what it does. Config and docs/settings.md are made of it.
import type { z } from 'zod'
import { UPDATED_AT } from '../documents/time.ts'
import * as values from './values.ts'

export interface Setting {
  /** The attribute of the configuration that its value becomes as it is; absent: what it means, others have a say in. */
  key?: string
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
    schema: values.address,
    default: null,
    says: 'the URL of CouchDB, which may have a path prefix; unset: the embedded server',
  },
  COUCHDB_URL: { schema: values.address, default: null, says: 'another name for `HOODIE_SERVER`' },
  HOODIE_ADMIN_USER: {
    schema: values.userName,
    default: null,
    hidden: true,
    says: 'an admin of that server',
  },
  HOODIE_ADMIN_USER_FILE: {
    schema: values.text,
    default: null,
    says: 'a file that holds the name, in its place',
  },
  HOODIE_ADMIN_PASS: { schema: values.text, default: null, hidden: true, says: 'the password of that admin' },
  HOODIE_ADMIN_PASS_FILE: {
    schema: values.text,
    default: null,
    says: 'a file that holds the password, in its place',
  },
  REPLICATION_SERVER: {
    key: 'replicationServer',
    schema: values.addressWithoutCredentials,
    default: null,
    says: 'the URL by which CouchDB reaches itself; unset: that of `HOODIE_SERVER`',
  },
  USER_DATABASES: {
    schema: values.template,
    default: 'user/{id}',
    says: 'how user databases are called; `userdb-{id}` for couch_peruser',
  },
  ACCOUNT_ROLE: {
    schema: values.accountRole,
    default: '{id}',
    says: 'the role of the account that owns the user database `{id}`: `id:{id}` for today’s Hoodie, `user:{id}` for CouchAuth',
  },
  OUTBOX: {
    key: 'outbox',
    schema: values.oneOf(['always', 'first-share']),
    default: 'always',
    says: 'when a user gets the admin-only database `<user database>/$shares`: `always`, or `first-share`',
  },
  DATABASES: {
    schema: values.text,
    default: null,
    says: 'which other databases are under which policy of the skeleton: `project_*=authors, notes=read-only`',
  },
  MASTER_DATABASES: {
    schema: values.text,
    default: null,
    says: 'databases whose documents go to the personal databases of users: `provisioning, cdr-master=cdrs`',
  },
  PERSONAL_DATABASE_ATTRIBUTE: {
    key: 'personalDatabaseAttribute',
    schema: values.attribute,
    default: 'database',
    says: 'the attribute of `_users` documents that names the personal database',
  },
  USER_DATABASE_ATTRIBUTES: {
    key: 'userDatabaseAttributes',
    schema: values.attributes,
    default: 'voicemail_db',
    says: 'further attributes of `_users` documents that name databases whose security the daemon sets; `,` is none',
  },
  DEPROVISION: {
    key: 'deprovision',
    schema: values.oneOf(['keep', 'drop']),
    default: 'keep',
    says: 'what becomes of a personal database whose user is gone: `keep`, for the admins alone, or `drop`',
  },
  UPDATED_AT: {
    key: 'updatedAt',
    schema: values.paths,
    default: UPDATED_AT.map((path) => path.join('.')).join(','),
    says: 'where documents say when they were written: attributes, with points for what is in them; daemons of one server have the same',
  },
  SKELETON: {
    key: 'skeleton',
    schema: values.folder,
    default: null,
    says: 'a folder over the shipped skeleton: sync functions, policies and design documents of your own; unset: the shipped one alone',
  },
  SKELETON_WARM: {
    key: 'skeletonWarm',
    schema: values.flag,
    default: 'false',
    says: 'build the indexes of a changed design document before it takes the place of the old one',
  },
  CONCURRENCY: {
    key: 'concurrency',
    schema: values.wholeNumber(1, 100),
    default: '8',
    says: 'how many users’ databases are worked on at once',
  },
  PARTITIONS: {
    key: 'partitions',
    schema: values.wholeNumber(1, 256),
    default: '1',
    says: 'among how many partitions processes divide the users, the same number for all; `1`: one works, others wait',
  },
  REPLICATION_IDLE_TIMEOUT: {
    key: 'replicationIdleTimeoutMs',
    schema: values.duration(1),
    default: '30m',
    says: 'a replication of a share, or of a master, is cancelled after it had nothing to do for so long',
  },
  REPLICATION_CHECK_INTERVAL: {
    key: 'replicationCheckIntervalMs',
    schema: values.duration(1),
    default: '15s',
    says: 'how often running replications are looked at',
  },
  SWEEP_INTERVAL: {
    key: 'sweepIntervalMs',
    schema: values.duration(1),
    default: '15m',
    says: 'the pause between two slow sweeps over all databases',
  },
  DELETION_GRACE: {
    key: 'deletionGraceMs',
    schema: values.duration(0),
    default: '5m',
    says: 'how long a user database may be gone before its shares end, and a user before the personal database is given up',
  },
  PUBLIC_MAX_OBJECTS: {
    schema: values.wholeNumber(0, 999_999_999),
    default: '1000',
    says: 'how many objects one user may write into a share that everyone may write into',
  },
  PUBLIC_MAX_BYTES: {
    schema: values.wholeNumber(0, 999_999_999),
    default: '100000',
    says: 'how many bytes such an object may have, with its attachments',
  },
  PUBLIC_MAX_CHANGES: {
    schema: values.wholeNumber(0, 999_999_999),
    default: '120',
    says: 'how many changes a minute one user may write there',
  },
  USER_MAX_SHARES: {
    schema: values.limit(0),
    default: '10000',
    says: 'how many shares one user may have; `none`: any number',
  },
  USER_MAX_BYTES: {
    schema: values.limit(1),
    default: '2000000000',
    says: 'how many bytes an object may have that is shared, with its attachments; `none`: as many as CouchDB takes',
  },
  LOG_LEVEL: {
    key: 'logLevel',
    schema: values.oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    says: 'the least that is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace`, or `silent`',
  },
  OPS_PORT: {
    key: 'opsPort',
    schema: values.port,
    default: null,
    says: 'the port that answers `/healthz`, `/readyz`, `/metrics` and `/status`; unset: none',
  },
  OPS_HOST: {
    key: 'opsHost',
    schema: values.hostName,
    default: '127.0.0.1',
    says: 'the address that `OPS_PORT` listens on',
  },
  EMBEDDED: {
    schema: values.flag,
    default: null,
    says: '`true`: the embedded server, though an admin is given, or `NODE_ENV` is `production`; `false`: never',
  },
  EMBEDDED_PORT: {
    schema: values.port,
    default: '5984',
    says: 'the port of the embedded server, on 127.0.0.1',
  },
  EMBEDDED_DATA: {
    schema: values.path,
    default: 'data',
    says: 'the folder of its data',
  },
  EMBEDDED_MEMORY: { schema: values.flag, default: 'false', says: '`true`: keep its data in memory only' },
} as const satisfies Record<string, Setting>

/** The name of a setting. */
export type Name = keyof typeof SETTINGS

/** What a setting comes to. */
export type Value<N extends Name> = z.output<(typeof SETTINGS)[N]['schema']>

/** The part of the configuration that is values as they are, null where one is unset. */
export type Plain = {
  [N in Name as (typeof SETTINGS)[N] extends { key: infer Key extends string } ? Key : never]:
    Value<N> | ((typeof SETTINGS)[N]['default'] extends null ? null : never)
}
