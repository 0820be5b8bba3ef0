// What the process says to whoever started it (a shell, systemd, Docker); one number for each thing an operator does next.
import type { InstallError } from '../skeletons/install.ts'

/**
 * Exit codes, after sysexits(3) where it has a fitting one: https://man.openbsd.org/sysexits.3
 * `deploy/couch-shares.service` lists those that a restart cannot heal.
 */
export const EXIT = {
  /** Stopped as asked (SIGTERM, SIGINT), or a command that succeeded. */
  ok: 0,
  /**
   * Anything unforeseen; also `couch-shares health` when the daemon is not well, `skeleton init` where something is there
   * already, `status` where something is to be looked after or there is none of that name, `skeleton diff` where something differs, `skeleton apply` where a database failed, `provision` where a user is not
   * as `_users` says, `check` where something is to be put right or the server does not answer, `gateway dry-run` where a document would fail or somebody
   * would lose something, `erase` where something is left.
   */
  failure: 1,
  /** EX_USAGE: unknown command or argument. */
  usage: 64,
  /** EX_UNAVAILABLE: the embedded server was asked for and its optional packages are not installed. */
  embeddedMissing: 69,
  /** EX_UNAVAILABLE, too: Node.js is older than the program needs, which `bin/node-version.js` says. */
  nodeTooOld: 69,
  /** EX_UNAVAILABLE, too: a checkout without `dist/`, which `bin/couch-shares.js` says. */
  notBuilt: 69,
  /** EX_TEMPFAIL: a port to listen on, the embedded server's or OPS_PORT, is taken. */
  portTaken: 75,
  /** EX_PROTOCOL: what answers at the server's URL is no CouchDB. */
  notCouchDb: 76,
  /** EX_NOPERM: the server refuses the admin's name or password. */
  wrongPassword: 77,
  /** EX_CONFIG: settings, skeleton or EMBEDDED_DATA cannot be used, or a newer version has changed the data; all faults are on stderr. */
  config: 78,
  /** Not in sysexits: the login works, and is no server admin's. */
  notAdmin: 79,
  /** 128 + SIGINT: a second signal cut the stopping short, a signal ended a command before it could say anything, or nobody reads it any more. */
  forced: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What the program ends with where a server cannot be used. */
export function exitCodeOfInstall({ code }: InstallError): ExitCode {
  switch (code) {
    case 'wrong_password':
      return EXIT.wrongPassword
    case 'not_admin':
      return EXIT.notAdmin
    case 'not_couchdb':
      return EXIT.notCouchDb
    case 'slashes_decoded':
    case 'foreign_design':
    case 'newer_layout':
    case 'refused':
      return EXIT.config
    default:
      return code satisfies never
  }
}
