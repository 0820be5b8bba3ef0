// The shipped policies as people meet them: a database born of the skeleton, and users who log in and write over HTTP.
// CouchDB only: what the embedded server says of access counts for nothing.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Security } from '../../../src/couch/document.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { haveInstalled } from '../../support/installed.ts'
import { ANYBODY, ask, pathOf, withUsers, type Person } from '../../support/logins.ts'
import { SKELETON, type Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Makes a database as the skeleton says. @returns its name */
async function born(space: Space, kind: string, security: Security = {}): Promise<string> {
  const skeleton = (await readSkeleton(SKELETON)).get(kind)
  assert(skeleton)
  const db = `${space.prefix}${kind}`
  await space.couch.database(db).create(1)
  for (const design of skeleton.designDocuments) {
    const written = await space.couch.database(db).put(design)
    assert.equal(written.ok, true)
  }
  await space.couch.database(db).putSecurity({ ...skeleton.security, ...security })
  return db
}

/** People at one database. */
class Desk {
  readonly #space: Space
  readonly #db: string
  constructor(space: Space, db: string) {
    this.#space = space
    this.#db = db
  }

  /** A request for a document. @returns the status, and the reason of a refusal */
  async #ask(who: Person, method: string, where: string, body?: unknown): Promise<[number, string?]> {
    const { status, text } = await ask(this.#space.server, who, method, where, body)
    const { reason } = JSON.parse(text) as { reason?: string }
    return reason === undefined ? [status] : [status, reason]
  }

  async rev(id: string): Promise<string> {
    return (await this.#space.couch.database(this.#db).get(id))?._rev ?? ''
  }

  read(who: Person, id: string): Promise<[number, string?]> {
    return this.#ask(who, 'GET', pathOf(this.#db, id))
  }

  /** Writes over what is there. */
  async write(who: Person, id: string, doc: object): Promise<[number, string?]> {
    const rev = await this.rev(id)
    return this.#ask(who, 'PUT', pathOf(this.#db, id), rev === '' ? doc : { ...doc, _rev: rev })
  }

  async remove(who: Person, id: string): Promise<[number, string?]> {
    return this.#ask(who, 'DELETE', `${pathOf(this.#db, id)}?rev=${await this.rev(id)}`)
  }

  /** Pushes a document with a history of its own. @returns the answer for it, null where it passed */
  async push(who: Person, doc: object): Promise<string | null> {
    const body = { new_edits: false, docs: [doc] }
    const { text } = await ask(this.#space.server, who, 'POST', `${pathOf(this.#db)}/_bulk_docs`, body)
    return (JSON.parse(text) as { reason: string }[])[0]?.reason ?? null
  }
}

/** Two people whom no other test knows. */
async function withTwo(space: Space, test: (ann: Person, bob: Person) => Promise<void>): Promise<void> {
  await haveInstalled(space)
  const suffix = randomBytes(3).toString('hex')
  const roles = { [`ann-${suffix}`]: [], [`bob-${suffix}`]: ['reader'] }
  await withUsers(space, roles, async ([ann, bob]) => {
    assert(ann && bob)
    await test(ann, bob)
  })
}

const NOT_LISTED = 'Only the users of this document, and admins, may change it.'

onEachServer(
  'policies',
  ({ it }) => {
    it('authors: a project from its creation to its end', async (space) => {
      await withTwo(space, async (ann, bob) => {
        const desk = new Desk(space, await born(space, 'authors'))
        const project = (users: Person[], by: Person, writer = by): object => ({
          users: users.map(({ name }) => name),
          created_by: by.name,
          updated_by: writer.name,
        })

        assert.deepEqual(await desk.write(ANYBODY, 'p', project([ann], ann)), [401, 'Not logged in.'])
        assert.deepEqual(await desk.write(ann, 'p', project([ann], ann)), [201])
        assert.deepEqual(await desk.read(bob, 'p'), [200])

        // Not his, whichever way he tries.
        assert.deepEqual(await desk.write(bob, 'p', project([ann, bob], ann, bob)), [403, NOT_LISTED])
        assert.deepEqual(await desk.write(bob, 'p', project([bob], bob)), [403, NOT_LISTED])
        assert.deepEqual(await desk.remove(bob, 'p'), [403, NOT_LISTED])
        assert.deepEqual(await desk.remove(ANYBODY, 'p'), [401, 'Not logged in.'])
        const takeover = { ...project([bob], bob), _id: 'p', _rev: `9-${'f'.repeat(32)}` }
        const directly = 'Write this document directly, not by replication.'
        assert.equal(await desk.push(bob, takeover), directly)

        // Ann lets him in.
        assert.deepEqual(await desk.write(ann, 'p', project([ann, bob], ann)), [201])
        const withBoth = await desk.rev('p')
        assert.deepEqual(await desk.write(bob, 'p', { ...project([ann, bob], ann, bob), title: 'x' }), [201])
        assert.deepEqual(await desk.write(bob, 'p', project([ann], ann, bob)), [
          403,
          'You may not remove yourself from `users`.',
        ])

        // As PouchDB apps delete, with all fields: those that stay as they were say who wrote last.
        assert.deepEqual(await desk.write(ann, 'q', project([ann, bob], ann)), [201])
        const gone = { ...project([ann, bob], ann), _deleted: true }
        assert.deepEqual(await desk.write(bob, 'q', { ...gone, updated_by: 'somebody else' }), [
          403,
          `Field \`updated_by\` must contain \`${bob.name}\`.`,
        ])
        assert.deepEqual(await desk.write(bob, 'q', gone), [200])

        // And out again: what he was once listed in gives him nothing.
        assert.deepEqual(await desk.write(ann, 'p', project([ann], ann)), [201])
        const [start = '', hash = ''] = withBoth.split('-')
        const branch = { start: Number(start) + 1, ids: ['e'.repeat(32), hash] }
        const back = { ...project([bob, ann], ann, bob), _id: 'p', _revisions: branch }
        assert.equal(await desk.push(bob, back), directly)
        assert.deepEqual(await desk.write(bob, 'p', project([ann, bob], ann, bob)), [403, NOT_LISTED])

        assert.deepEqual(await desk.remove(ann, 'p'), [200])
        assert.deepEqual(await desk.read(ann, 'p'), [404, 'deleted'])
        // The id is free again; whoever takes it begins anew.
        const stolen = await desk.write(bob, 'p', project([ann, bob], ann, bob))
        assert.deepEqual(stolen, [403, `Field \`created_by\` must contain \`${bob.name}\`.`])
        assert.deepEqual(await desk.write(bob, 'p', project([bob], bob)), [201])
        assert.deepEqual(await desk.write(ann, 'p', project([ann], bob, ann)), [403, NOT_LISTED])
      })
    })

    it('authors: an admin of the database takes somebody out', async (space) => {
      await withTwo(space, async (ann, bob) => {
        const admins = { names: [ann.name ?? ''], roles: [] }
        const desk = new Desk(space, await born(space, 'authors', { admins }))
        const mine = { users: [bob.name], created_by: bob.name, updated_by: bob.name }
        assert.deepEqual(await desk.write(bob, 'p', mine), [201])
        const hers = { ...mine, users: [ann.name], updated_by: ann.name }
        assert.deepEqual(await desk.write(ann, 'p', hers), [201])
        assert.deepEqual(await desk.write(bob, 'p', mine), [403, NOT_LISTED])
      })
    })

    it('owner-only: members by name write, members by role read, others neither', async (space) => {
      await withTwo(space, async (ann, bob) => {
        const members = { names: [ann.name ?? ''], roles: ['reader'] }
        const desk = new Desk(space, await born(space, 'owner-only', { members }))
        assert.deepEqual(await desk.write(ann, 'a', { x: 1 }), [201])
        assert.deepEqual(await desk.read(bob, 'a'), [200])
        assert.deepEqual(await desk.write(bob, 'a', { x: 2 }), [
          403,
          'Only the owners of this database, its members by name, and admins may write.',
        ])
        assert.equal((await desk.read(ANYBODY, 'a'))[0], 401)
        assert.equal((await desk.write(ANYBODY, 'b', {}))[0], 401)
      })
    })

    it('owner-only: as it is born, nobody but admins gets in', async (space) => {
      await withTwo(space, async (ann) => {
        const desk = new Desk(space, await born(space, 'owner-only'))
        assert.equal((await desk.read(ann, 'a'))[0], 403)
        assert.equal((await desk.write(ann, 'a', {}))[0], 403)
      })
    })

    it('append-only: what is written stays', async (space) => {
      await withTwo(space, async (ann, bob) => {
        const desk = new Desk(space, await born(space, 'append-only'))
        const refusal: [number, string] = [
          403,
          'Only admins may change or delete documents of this database.',
        ]
        assert.deepEqual(await desk.write(ANYBODY, 'a', { x: 1 }), [401, 'Not logged in.'])
        assert.deepEqual(await desk.write(ann, 'a', { x: 1 }), [201])
        for (const person of [ann, bob]) {
          assert.deepEqual(await desk.write(person, 'a', { x: 2 }), refusal)
          assert.deepEqual(await desk.remove(person, 'a'), refusal)
          assert.notEqual(await desk.push(person, { _id: 'a', _rev: `9-${'f'.repeat(32)}`, x: 2 }), null)
        }
        assert.equal((await space.couch.database(`${space.prefix}append-only`).get('a'))?.['x'], 1)
      })
    })

    it('read-only: everybody reads, admins write', async (space) => {
      await withTwo(space, async (ann) => {
        const desk = new Desk(space, await born(space, 'read-only'))
        const reason = 'Only admins may write into this database.'
        const written = await space.couch.database(`${space.prefix}read-only`).put({ _id: 'a', x: 1 })
        assert.equal(written.ok, true)
        assert.deepEqual(await desk.read(ann, 'a'), [200])
        assert.deepEqual(await desk.write(ann, 'b', {}), [403, reason])
        assert.deepEqual(await desk.write(ann, 'a', { x: 2 }), [403, reason])
        assert.deepEqual(await desk.remove(ann, 'a'), [403, reason])
        assert.deepEqual(await desk.write(ANYBODY, 'b', {}), [401, reason])
      })
    })
  },
  { kinds: ['couchdb'] },
)
