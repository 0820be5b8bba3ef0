// Which server is meant, and who its admin is: several settings say it, and none may contradict another.
import { display, NOTHING } from './faults.ts'
import type { Read, SettingsReader } from './reader.ts'
import type { Name } from './settings.ts'
import type { Address } from './values.ts'

/** Whoever gives one of these has a server in mind. */
const ADMIN_SETTINGS = [
  'HOODIE_ADMIN_USER',
  'HOODIE_ADMIN_USER_FILE',
  'HOODIE_ADMIN_PASS',
  'HOODIE_ADMIN_PASS_FILE',
] as const satisfies Name[]

/** Whoever gives one of these has the embedded server in mind. */
const EMBEDDED_SETTINGS = ['EMBEDDED_PORT', 'EMBEDDED_DATA', 'EMBEDDED_MEMORY'] as const satisfies Name[]

/** Who logs in to the embedded server where nobody else is named. */
export const EMBEDDED_ADMIN = { user: 'admin', pass: 'admin' }

/** The server; null: the embedded one. */
export function readAddress(settings: SettingsReader): Read<Address> {
  const hoodieServer = settings.read('HOODIE_SERVER')
  const couchdbUrl = settings.read('COUCHDB_URL')
  if (hoodieServer && couchdbUrl && !sameAddress(hoodieServer, couchdbUrl))
    settings.fault(
      'COUCHDB_URL',
      'the same as `HOODIE_SERVER`, or unset',
      display(settings.written('COUCHDB_URL') ?? ''),
    )
  const server = hoodieServer === null ? couchdbUrl : hoodieServer
  const asked = settings.read('EMBEDDED')
  const why = server === null ? whyServer(settings, asked) : null
  if (why !== null)
    settings.fault(
      'HOODIE_SERVER',
      `set, as ${why} (with \`EMBEDDED=true\` an embedded server is started, for a first look)`,
      NOTHING,
    )
  if (asked && server) settings.fault('EMBEDDED', 'unset where there is a server', 'both')
  return server
}

/** True where two addresses are of the same server, with the same credentials. */
const sameAddress = (one: Address, other: Address): boolean =>
  one.url === other.url && one.user === other.user && one.pass === other.pass

/** Why there should be a server where none is set; null: the embedded one may be meant, or is. */
function whyServer(settings: SettingsReader, asked: Read<boolean>): string | null {
  if (asked === false) return '`EMBEDDED` is false'
  if (asked || EMBEDDED_SETTINGS.some((name) => settings.written(name) !== null)) return null
  const login = ADMIN_SETTINGS.find((name) => settings.written(name) !== null)
  if (login !== undefined) return `\`${login}\` is`
  return settings.env['NODE_ENV'] === 'production' ? '`NODE_ENV` is production' : null
}

/** Who the daemon logs in as; undefined where a fault was noted. */
export const readAdmin = (
  settings: SettingsReader,
  server: Read<Address>,
): { user: string | undefined; pass: string | undefined } => ({
  user: readCredential(settings, server, 'user'),
  pass: readCredential(settings, server, 'pass'),
})

const CREDENTIALS = {
  user: { name: 'HOODIE_ADMIN_USER', file: 'HOODIE_ADMIN_USER_FILE' },
  pass: { name: 'HOODIE_ADMIN_PASS', file: 'HOODIE_ADMIN_PASS_FILE' },
} as const

/** A setting, the file that another one names, or the server's URL says it. */
function readCredential(
  settings: SettingsReader,
  server: Read<Address>,
  part: 'user' | 'pass',
): string | undefined {
  const { name, file } = CREDENTIALS[part]
  const direct = settings.written(name)
  const fromFile = settings.readSecretFile(file)
  if (direct !== null && fromFile !== null)
    return settings.fault(file, `unset where \`${name}\` is set`, 'both')
  // A file that cannot be read was reported; asking for the value as well would be noise. So is a bad URL.
  if (fromFile === undefined) return undefined
  const own = settings.check(name, direct ?? fromFile)
  if (own === undefined) return undefined
  if (server === undefined) return own ?? undefined
  const inUrl = server?.[part] ?? null
  if (own !== null && inUrl !== null && own !== inUrl)
    return settings.fault(name, 'the same as in the URL of the server, or unset', 'another one')
  return (
    own ??
    inUrl ??
    (server === null
      ? EMBEDDED_ADMIN[part]
      : settings.fault(name, 'set, as there is a server to log in to', NOTHING))
  )
}

/** How the embedded server is started. A value is undefined where a fault was noted. */
export function readEmbedded(settings: SettingsReader): {
  port: number | undefined
  dataDir: string | null | undefined
} {
  const port = settings.read('EMBEDDED_PORT') ?? undefined
  const dataDir = settings.read('EMBEDDED_DATA')
  return { port, dataDir: settings.read('EMBEDDED_MEMORY') ? null : dataDir }
}
