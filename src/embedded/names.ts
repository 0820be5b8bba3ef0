// CouchDB's database names, and how they become file names, because PouchDB would put them on the disk as they are.
import { isDatabaseName, SYSTEM_DATABASES } from '../documents/names.ts'

const MAX_FILE_NAME_BYTES = 255
/** Room for `@<16 digits>-mrview-<32 hex digits>`, the index of a view. */
const SUFFIX_BYTES = 60

export type NameProblem = { error: string; reason: string }

/** Why CouchDB would refuse to create a database of this name; null if it would not. */
export function nameProblem(name: string): NameProblem | null {
  if (!isDatabaseName(name) && !SYSTEM_DATABASES.some((own) => own === name)) {
    return {
      error: 'illegal_database_name',
      reason: `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.`,
    }
  }
  if (encodeName(name).length > MAX_FILE_NAME_BYTES - SUFFIX_BYTES) {
    return { error: 'database_name_too_long', reason: `The database name '${name}' is too long.` }
  }
  return null
}

/** Injective: what is no letter, digit, `_` or `-` becomes `.` and two hex digits. Names have one byte a character. */
export function encodeName(name: string): string {
  return name.replace(
    /[^a-z0-9_-]/g,
    (character) => `.${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The name that `encodeName` made this of. */
export function decodeName(encoded: string): string {
  return encoded.replace(/\.([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/**
 * Each creation of a database gets files of its own: what a slow request still does to a dropped database can
 * never reach the one that was created after it.
 */
export function fileOf(name: string, startTime: string): string {
  return `${encodeName(name)}@${startTime}`
}

/** The database behind a file; null for view indexes and for everything else. */
export function parseFile(file: string): { name: string; startTime: string } | null {
  const match = /^([a-z0-9_.-]+)@(\d+)$/.exec(file)
  const [, encoded, startTime] = match ?? []
  if (encoded === undefined || startTime === undefined) return null
  const name = decodeName(encoded)
  return nameProblem(name) === null && encodeName(name) === encoded ? { name, startTime } : null
}
