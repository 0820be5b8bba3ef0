// A story in which everything is secret, and much goes wrong: users share, a password changes, guests write, a gateway's function breaks.
import { isFault } from '../../src/couch/fault.ts'
import type { Doc } from '../../src/couch/document.ts'
import { copyId } from '../../src/shares/model/ids.ts'
import type { PasswordAccount } from '../../src/shares/model/password.ts'
import type { EchoProxy } from './echo-proxy.ts'
import type { Secrets } from './kept-secret.ts'
import { ACTIVE, asUser, edit, stands, subscriptionDoc, type Person } from './people.ts'
import { untilBy, type Program } from './program.ts'
import type { Space } from './space.ts'
import { put, shareDoc } from './story.ts'

export interface SecretStory {
  space: Space
  program: Program
  /** Between the program and its server. */
  proxy: EchoProxy
  people: Record<'joe' | 'ann' | 'bob', Person>
  secrets: Secrets
  share: string
  /** A database of a gateway with the function `SYNC`. */
  gateway: string
}

/** How long a share may take to be open that failed at each step first. */
const OPEN_MS = 180_000

/** Refuses what the daemon writes, and says in that what stands there. */
const TELLING = `function (newDoc) {
  if (newDoc.isRefused && newDoc.$error) throw { forbidden: 'refused: ' + JSON.stringify(newDoc) }
}`

/** Breaks on some documents, and refuses others, with what stands in them. */
export const SYNC = `function (doc) {
  if (doc.kind === 'breaks') throw new Error('broken by ' + doc.text)
  if (doc.kind === 'refused') throw { forbidden: 'refused: ' + doc.text }
  channel('all')
}`

const placeOf = (name: string): string => encodeURIComponent(name).replaceAll('$', '(?:\\$|%24)')

/** A public share with a password, whose making fails at each step first. */
export async function openShare({ space, program, proxy, people: { joe }, secrets, share }: SecretStory) {
  const { contents, passwords } = secrets
  const outbox = space.outbox(joe.hash).name
  for (const database of ['_users', placeOf(outbox), '_replicator', 'shares'])
    proxy.fail(new RegExp(`^POST /${database}/_bulk_docs`), 1)
  proxy.fail(new RegExp(`^GET /${placeOf(joe.db.name)}/_changes`), 1)
  const data = Buffer.from(contents.attached).toString('base64')
  await put(
    joe.db,
    shareDoc(share, { access: { read: true }, password: passwords.first, title: contents.title }),
    {
      ...{ _id: 'object', name: contents.shared, note: contents.private },
      ...{ $shares: { [share]: ['name', '_attachments'] } },
      _attachments: { 'a.txt': { content_type: 'text/plain', data } },
    },
  )
  const isActive = async (): Promise<boolean> =>
    (await joe.db.get(`$share/${share}`))?.['$state'] === 'active'
  await untilBy(program, 'the share is active', isActive, OPEN_MS)
  const account = (await space.entry(share))?.['password'] as PasswordAccount
  secrets.add('the salt of the account', account.salt)
  secrets.add('the key of the account', account.derivedKey)
  await untilBy(program, 'what was to fail has failed', () => Promise.resolve(proxy.hasFailed))
  await untilBy(program, 'the copy is there', async () => (await space.copy(share, 'object')) !== null)
}

/** Documents with problems, and one whose problem the database does not take; telling of them fails first. */
export async function writeProblems({ program, proxy, people: { joe }, secrets, share }: SecretStory) {
  const { access, error, refused: name, title, wish, wishes } = secrets.contents
  proxy.fail(new RegExp(`^POST /${placeOf(joe.db.name)}/_bulk_docs`), 1)
  await put(joe.db, { _id: '_design/telling', validate_doc_update: TELLING })
  await put(
    joe.db,
    { _id: 'wish', name, $shares: { [share]: wish } },
    { _id: 'wishes', name, $shares: { [share]: [wishes, '_rev'] } },
    { _id: 'refused', isRefused: true, name, $shares: { [share]: 7 } },
    { _id: 'own', $error: error, name, $shares: { [share]: false } },
    shareDoc(`${share}-2`, { access: [{ name: access }], title }),
    shareDoc(`${share}-3`, { password: secrets.passwords.wrong, title }),
  )
  for (const id of ['wish', 'wishes', `$share/${share}-2`, `$share/${share}-3`])
    await untilBy(program, `${id} says so`, async () => '$error' in ((await joe.db.get(id)) ?? {}))
  const isLogged = (): boolean => program.out.includes('"doc":"refused"')
  await untilBy(program, 'the log says so', () => Promise.resolve(isLogged()))
}

/** Another password, and somebody who does not know it at first. */
export async function changePassword({ space, program, people: { joe, ann }, secrets, share }: SecretStory) {
  const { contents, passwords } = secrets
  await edit(space, joe.db, `$share/${share}`, { password: passwords.second })
  await put(ann.db, subscriptionDoc(share, { password: passwords.wrong, note: contents.subscription }))
  await stands(space, ann, share, { state: 'error', error: 'wrong_password' })
  const isInForce = async (): Promise<boolean> =>
    typeof (await joe.db.get(`$share/${share}`))?.['password'] === 'object'
  await untilBy(program, 'the second password is in force', isInForce)
  await edit(space, ann.db, `$subscription/${share}`, { password: passwords.second })
  await stands(space, ann, share, ACTIVE)
}

/** Everybody may write: a guest writes what is refused, and both sides have rivals. */
export async function letGuestsWrite(story: SecretStory) {
  const { space, program, secrets, share } = story
  const { joe, bob } = story.people
  const { edited, guest, rival } = secrets.contents
  await edit(space, joe.db, `$share/${share}`, { access: true, password: undefined })
  const isHome = async (): Promise<boolean> => (await space.entry(share))?.['home'] === 'share'
  await untilBy(program, 'guests may write', isHome)
  const copy = copyId(share, 'object')
  await untilBy(program, 'the guest is let in', () =>
    isLetIn(asUser(space, bob, space.share(share), (db) => edit(space, db, copy, { extra: guest }))),
  )
  const isRejected = async (): Promise<boolean> =>
    '$rejected' in ((await joe.db.get(`$share/${share}`)) ?? {})
  await untilBy(program, 'what the guest wrote is refused', isRejected)
  const leaf = (_id: string, mark: string): Doc => ({ _id, _rev: `1-${mark.repeat(32)}`, name: rival })
  await space.share(share).bulk([leaf(copy, 'f')], { newEdits: false })
  await joe.db.bulk([{ ...leaf('object', 'e'), $shares: { [share]: ['name'] } }], { newEdits: false })
  await edit(space, joe.db, 'object', { name: edited })
  await put(joe.db, { _id: 'last', n: 1, $shares: { [share]: true } })
  await untilBy(program, 'the last one is there', async () => (await space.copy(share, 'last')) !== null)
}

/** A share that was closed is away for a moment, and open to guests only then. */
async function isLetIn(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isFault(error, 'forbidden') || isFault(error, 'unauthorized') || isFault(error, 'not_found'))
      return false
    throw error
  }
}

/** Documents of a gateway whose function says what it read. */
export async function breakGateway({ space, program, secrets, gateway }: SecretStory) {
  const { evaluated, thrown: text } = secrets.contents
  await put(
    space.couch.database(gateway),
    { _id: 'breaks', kind: 'breaks', text },
    { _id: 'forbidden', kind: 'refused', text },
    { _id: 'fine', kind: 'fine', text: evaluated },
  )
  const isLogged = (): boolean => program.out.includes('"doc":"breaks"')
  await untilBy(program, 'the log says so', () => Promise.resolve(isLogged()))
}
