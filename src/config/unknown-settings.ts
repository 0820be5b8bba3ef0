// Variables of the environment that look like settings and are none: a misspelled one would be passed over in silence.
import { nearest } from './edit-distance.ts'
import { SETTINGS } from './settings.ts'

/** A variable that nothing reads, and the setting that was probably meant. */
export interface UnknownSetting {
  variable: string
  meant: string
}

const NAMES = Object.keys(SETTINGS)

/** So many letters of a setting may be wrong; of a short one only one, for APP_PORT is not OPS_PORT. */
const MOST_WRONG = 2
const MOST_WRONG_IN_SHORT = 1
const SHORT = 8

/** So many letters at the end may be missing, or be too many, as in HOODIE_ADMIN and HOODIE_ADMIN_PASSWORD. */
const LONGEST_END = 5
/** Shorter names begin like too many others. */
const SHORTEST_BEGIN = 8

/** What others set, and we do not read: https://hub.docker.com/_/couchdb */
const OTHERS = ['COUCHDB_USER', 'COUCHDB_PASSWORD', 'COUCHDB_SECRET', 'COUCHDB_PORT']

/** The variables of an environment that resemble settings, but are none, by name; those without a value do not count. */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): UnknownSetting[] {
  return Object.entries(env)
    .flatMap(([variable, value]) => {
      const meant = value?.trim() ? settingLike(variable) : null
      return meant === null ? [] : [{ variable, meant }]
    })
    .sort((one, other) => (one.variable < other.variable ? -1 : 1))
}

/** In a sentence. */
export const sayUnknown = ({ variable, meant }: UnknownSetting): string =>
  `there is no setting ${variable}, which is passed over: was ${meant} meant?`

function settingLike(variable: string): string | null {
  if (!/^\w+$/.test(variable) || NAMES.includes(variable) || OTHERS.includes(variable)) return null
  const name = variable.toUpperCase()
  const most = name.length > SHORT ? MOST_WRONG : MOST_WRONG_IN_SHORT
  return nearest(name, NAMES, most) ?? NAMES.find((setting) => beginsAlike(name, setting)) ?? null
}

function beginsAlike(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  return short.length >= SHORTEST_BEGIN && long.startsWith(short) && long.length - short.length <= LONGEST_END
}
