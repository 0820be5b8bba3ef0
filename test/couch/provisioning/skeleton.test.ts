// The shipped skeletons of masters in CouchDB itself: its filters, selectors, views and validation say what the daemon says.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { Doc } from '../../../src/couch/document.ts'
import { MasterPolicy, queryOf } from '../../../src/provisioning/master-policy.ts'
import { personalSecurity } from '../../../src/provisioning/provisioned-user.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { haveInstalled } from '../../support/installed.ts'
import { ask, pathOf, withUsers, type Person } from '../../support/logins.ts'
import { provisioned, records, roles } from '../../support/master-documents.ts'
import { SKELETON, type Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

/** A database with the design documents of a kind. @returns its name */
async function born(space: Space, kind: string, name = kind): Promise<string> {
  const db = `${space.prefix}${name}`
  const database = space.couch.database(db)
  await database.create(1)
  for (const design of (await readSkeleton(SKELETON)).get(kind)?.designDocuments ?? []) {
    const written = await database.put(design)
    assert.equal(written.ok, true)
  }
  return db
}

async function accessOf(kind: string): Promise<MasterPolicy> {
  const skeleton = await readSkeleton(SKELETON)
  const designs = (name: string) => skeleton.get(name)?.designDocuments ?? []
  return MasterPolicy.of(kind, designs(kind), designs(`${kind}-user`))
}

/** As the server's admin. */
async function asAdmin(space: Space, method: string, where: string, body?: unknown): Promise<unknown> {
  const { url, user, pass } = space.server
  const answer = await fetch(`${url}/${where}`, {
    method,
    headers: {
      authorization: basic(user, pass),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const given: unknown = await answer.json()
  assert(answer.ok, `${method} ${where}: ${JSON.stringify(given)}`)
  return given
}

const byId = (one: string, other: string): number => (one < other ? -1 : 1)

/** The ids that `_changes` gives, without design documents' own. */
async function changed(
  space: Space,
  db: string,
  query: Record<string, string>,
  body = {},
): Promise<string[]> {
  const where = `${pathOf(db)}/_changes?${new URLSearchParams(query).toString()}`
  const { results } = (await asAdmin(space, 'POST', where, body)) as { results: { id: string }[] }
  return results.map(({ id }) => id).sort(byId)
}

/** Each once, with the ids that CouchDB takes, of a seed so that a failure can be looked into. */
function some(documents: fc.Arbitrary<Doc>): Doc[] {
  const docs = new Map(fc.sample(documents, { numRuns: 500, seed: 4711 }).map((doc) => [doc._id, doc]))
  return [...docs.values()]
}

onEachServer(
  'skeletons of masters',
  ({ it }) => {
    for (const [kind, documents] of [
      ['provisioning', provisioned],
      ['cdrs', records],
    ] as const)
      it(`${kind}: filter, selector and view of CouchDB say what the daemon says`, async (space) => {
        await haveInstalled(space)
        const access = await accessOf(kind)
        const db = await born(space, kind)
        const docs = some(documents)
        await asAdmin(space, 'POST', `${pathOf(db)}/_bulk_docs`, { docs })
        assert.equal((await changed(space, db, {})).length, docs.length + 1)

        let count = 0
        const everybody = fc.sample(roles, { numRuns: 60, seed: 4711 })
        for (const [at, of] of [[], ...everybody].entries()) {
          const user = { name: 'joe', roles: of }
          const answers = access.mayReadEach(docs, user)
          const expected = docs.flatMap(({ _id }, index) => (answers[index] ? [_id] : [])).sort(byId)
          count += expected.length
          const selector = access.selector(user)
          assert.deepEqual(
            await changed(space, db, { filter: '_selector' }, { selector }),
            expected,
            of.join(),
          )
          // The slow one, a few times.
          if (at % 6 === 0)
            assert.deepEqual(
              await changed(space, db, { filter: `${access.design}/from`, ...queryOf(user) }),
              expected,
              of.join(),
            )
        }
        assert(count > 100, `${count}`)
        assert.equal(access.failure, null)

        const view = `${pathOf(db)}/_design/${access.design}/_view/roles`
        const { rows } = (await asAdmin(space, 'GET', view)) as { rows: { id: string; key: string }[] }
        const alive = docs.filter((doc) => doc['_deleted'] !== true)
        const emitted = access
          .rolesOfEach(alive)
          .flatMap((keys, at) => keys.map((key) => `${key} ${alive[at]?._id}`))
        assert.deepEqual(rows.map(({ id, key }) => `${key} ${id}`).sort(byId), emitted.sort(byId))
      })

    it('cdrs and provisioning: a user of a thousand roles has a selector that CouchDB takes', async (space) => {
      await haveInstalled(space)
      const many = Array.from({ length: 1_000 }, (_, at) => [
        `number:${at}`,
        `number:${at}@d${at % 50}.example`,
      ]).flat()
      const user = {
        name: 'joe',
        roles: [...many, 'number_domain:a.example', `number_domain:${'x'.repeat(500)}`],
      }
      const docs = [
        { _id: 'number:999' },
        { _id: 'number:999@d49.example' },
        { _id: 'number:999@d48.example' },
        { _id: 'cdr:1', number: '999' },
        { _id: 'cdr:2', number: '1', domain: 'd1.example' },
        { _id: 'cdr:3', number: '1@d1.example' },
        { _id: 'cdr:4', number: '1000', domain: 'd1.example' },
        { _id: 'cdr:5', domain: 'a.example' },
      ]
      for (const kind of ['provisioning', 'cdrs']) {
        const access = await accessOf(kind)
        const db = await born(space, kind)
        await asAdmin(space, 'POST', `${pathOf(db)}/_bulk_docs`, { docs })
        const selector = access.selector(user)
        const answers = access.mayReadEach(docs, user)
        const expected = docs.flatMap(({ _id }, at) => (answers[at] ? [_id] : [])).sort(byId)
        assert.notDeepEqual(expected, [])
        assert.deepEqual(await changed(space, db, { filter: '_selector' }, { selector }), expected)
      }
    })

    it('personal databases: who writes signs, deletions too; and nobody writes call detail records', async (space) => {
      await haveInstalled(space)
      const name = `jöe-${randomBytes(3).toString('hex')}`
      await withUsers(space, { [name]: ['number:1@a.example'] }, async ([joe]) => {
        assert(joe)
        const db = await born(space, 'provisioning-user', 'u1')
        await born(space, 'cdrs-user', 'u1')
        await space.couch.database(db).putSecurity(personalSecurity(name, 'u1'))
        await tryWriting(space, db, joe)
        await tryPushing(space, db, joe)

        // What of it goes back, as CouchDB sees it and as the daemon does.
        const access = await accessOf('provisioning')
        const back = await changed(space, db, {
          filter: 'provisioning/to',
          ...queryOf({ name, roles: [] }),
        })
        assert.deepEqual(back, ['deleted', 'mine', 'pushed'])
        const docs = await space.couch.database(db).fetch(['mine', 'pushed', 'cdr:1', 'restored'])
        assert.deepEqual(
          access.mayWriteEach(
            docs.flatMap(({ doc }) => (doc ? [doc] : [])),
            { name, roles: [] },
          ),
          [true, true, false, false],
        )
      })
    })
  },
  { kinds: ['couchdb'] },
)

const rejected = (text: string): string => (JSON.parse(text) as { reason?: string }).reason ?? ''

async function tryWriting(space: Space, db: string, joe: Person): Promise<void> {
  const write = async (id: string, doc: object): Promise<[number, string]> => {
    const { status, text } = await ask(space.server, joe, 'PUT', pathOf(db, id), doc)
    return [status, rejected(text)]
  }
  const by = { updated_by: joe.name }
  assert.deepEqual(await write('mine', by), [201, ''])
  assert.deepEqual(await write('restored', { ...by, $restore: true }), [201, ''])
  assert.deepEqual(await write('unsigned', {}), [403, 'Field `updated_by` is required.'])
  assert.deepEqual(await write('of-ann', { updated_by: 'ann' }), [
    403,
    `Field \`updated_by\` must contain \`${joe.name}\`.`,
  ])

  assert.deepEqual(await write('deleted', by), [201, ''])
  const _rev = (await space.couch.database(db).get('deleted'))?._rev ?? ''
  const { status, text } = await ask(space.server, joe, 'DELETE', `${pathOf(db, 'deleted')}?rev=${_rev}`)
  assert.equal(status, 403)
  assert.match(rejected(text), /^A deletion needs the field `updated_by` too/)
  assert.deepEqual(await write('deleted', { _rev, _deleted: true, ...by }), [200, ''])

  const record = await space.couch.database(db).put({ _id: 'cdr:1', number: '1' })
  assert.equal(record.ok, true)
  for (const id of ['cdr:1', 'cdr:2']) {
    const [code, reason] = await write(id, {
      ...by,
      ...(id === 'cdr:1' && record.ok ? { _rev: record.rev } : {}),
    })
    assert.equal(code, 403)
    assert.match(reason, /^Call detail records are read-only/)
  }
}

/** As PouchDB does: with a history of its own. */
async function tryPushing(space: Space, db: string, joe: Person): Promise<void> {
  const revisions = { start: 2, ids: ['b'.repeat(32), 'a'.repeat(32)] }
  const doc = (_id: string, more: object): object => ({
    _id,
    _rev: `2-${'b'.repeat(32)}`,
    _revisions: revisions,
    ...more,
  })
  const { status, text } = await ask(space.server, joe, 'POST', `${pathOf(db)}/_bulk_docs`, {
    new_edits: false,
    docs: [
      doc('pushed', { updated_by: joe.name }),
      doc('pushed-unsigned', {}),
      doc('pushed-deletion', { _deleted: true }),
      doc('cdr:3', { updated_by: joe.name }),
    ],
  })
  assert.equal(status, 201)
  assert.deepEqual((JSON.parse(text) as { id: string }[]).map(({ id }) => id).sort(byId), [
    'cdr:3',
    'pushed-deletion',
    'pushed-unsigned',
  ])
}
