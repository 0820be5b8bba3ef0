// Databases that look like users' and are not called as USER_DATABASES says: a wrong setting, with which nothing ever happens.
import type { Couch } from '../couch/client.ts'
import { pagesOfNamesUnder } from '../couch/pages.ts'
import { counted } from '../documents/counted.ts'
import { PERUSER_DATABASE, userDatabases, type UserDatabases } from '../documents/names.ts'

/** Databases of one shape. */
export interface OtherUsers {
  /** The USER_DATABASES that would fit them. */
  template: string
  count: number
  example: string
}

/** How user databases are called where nobody says otherwise: by Hoodie, and by couch_peruser. */
const SHAPES: readonly { users: UserDatabases; fits: (db: string) => boolean }[] = [
  { users: userDatabases('user/{id}'), fits: () => true },
  { users: userDatabases('userdb-{id}'), fits: (db) => PERUSER_DATABASE.test(db) },
]

/**
 * Shapes of which a server has more databases than `count`, those that the settings call users'; the most first.
 * @throws {CouchFault}
 */
export async function findOtherUsers(
  couch: Pick<Couch, 'allDbs'>,
  users: UserDatabases,
  count: number,
): Promise<OtherUsers[]> {
  const found: OtherUsers[] = []
  for (const shape of SHAPES) {
    const { template, prefix } = shape.users
    if (template === users.template) continue
    const other = { template, count: 0, example: '' }
    for await (const names of pagesOfNamesUnder(couch, prefix))
      for (const name of names) {
        if (shape.users.ownerOf(name) === null || !shape.fits(name) || users.isTaken(name)) continue
        if (other.count === 0) other.example = name
        other.count += 1
      }
    if (other.count > count) found.push(other)
  }
  return found.sort((one, other) => other.count - one.count)
}

/** @param count how many databases the settings call users' */
export const sayOtherUsers = (users: UserDatabases, count: number, other: OtherUsers): string =>
  `USER_DATABASES is ${users.template}, which fits ${counted(count, 'database')}, and ${other.count} are called like ` +
  `${other.example}: is USER_DATABASES=${other.template} meant?`
