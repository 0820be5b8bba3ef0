// Two well-behaved users who share with each other, a third one whose share everybody may write into, and somebody hostile beside them.
import assert from 'node:assert/strict'
import type { Doc } from '../../src/couch/document.ts'
import { decodeJson, encodeJson } from '../../src/documents/json.ts'
import { CHECKPOINTS, REGISTRY } from '../../src/documents/names.ts'
import { isFault } from '../../src/couch/fault.ts'
import { writeAccess } from '../unit/skeletons/compiled.ts'
import type { HostileDocument } from './hostile-documents.ts'
import { assertLegal, assertUtf8 } from './illegal-documents.ts'
import { MemoryWorld } from './memory-world.ts'
import type { MemoryDatabase } from './memory-database.ts'

/** The hash of a user database is another than the name. */
const PEOPLE = ['joe', 'ann', 'pat', 'eve'] as const
type Name = (typeof PEOPLE)[number]
const hashOf = (name: string): string => `${name}0`

/** What of the well-behaved the hostile one has nothing to do with. */
const WELL_BEHAVED = ['user/joe0', 'user/joe0/$shares', 'user/ann0', 'user/ann0/$shares', 'share/x']

type Validate = Awaited<ReturnType<typeof writeAccess>>
let validation: Promise<Validate> | null = null

export class HostileWorld {
  readonly world: MemoryWorld
  readonly #validate: Validate
  /** Documents that CouchDB has taken of the hostile one. */
  taken = 0
  /** Where in the server's writes the hostile one began. */
  #begun = 0

  private constructor(world: MemoryWorld, validate: Validate) {
    this.world = world
    this.#validate = validate
  }

  /**
   * Joe shares `a` and `b` with Ann, who has accepted; everybody may write into Pat's share, in which the hostile one takes part.
   * @param canPurge false: like the embedded server, which cannot remove revisions
   */
  static async create(canPurge = true): Promise<HostileWorld> {
    validation ??= writeAccess()
    const world = await MemoryWorld.create({ canPurge, limits: { mostBytes: 20_000 } })
    const here = new HostileWorld(world, await validation)
    const { couch } = here.world
    for (const name of PEOPLE) {
      couch.create(`user/${hashOf(name)}`)
      const account = `user/${name}`
      const doc = { type: 'user', name: account, roles: [hashOf(name)] }
      here.#database('_users').write({ _id: `org.couchdb.user:${account}`, ...doc })
    }
    here.#writes('joe', { _id: '$share/x', type: '$share', access: { write: ['ann'] } })
    here.#writes('ann', { _id: '$subscription/x', type: '$subscription' })
    for (const id of ['a', 'b']) here.#writes('joe', { _id: id, name: `${id} of joe`, $shares: { x: true } })
    here.#writes('ann', { _id: 'private', name: 'of ann' })
    here.#writes('pat', { _id: '$share/pub', type: '$share', access: true })
    here.#writes('pat', { _id: 'p', name: 'of pat', $shares: { pub: true } })
    here.#writes('pat', { _id: 'private', name: 'of pat' })
    here.#writes('eve', { _id: '$subscription/pub', type: '$subscription' })
    here.#writes('eve', { _id: '$share/e1', type: '$share' })
    here.#writes('eve', { _id: 'o1', name: 'of eve', $shares: { e1: true, pub: true } })
    await here.world.settle()
    here.#begun = couch.writes.length
    return here
  }

  /** The hostile one writes a document; nothing happens where CouchDB, or the share's validation function, refuses it. */
  writeHostile(one: HostileDocument): void {
    const place = { own: 'user/eve0', public: 'share/pub', account: '_users' }[one.place]
    const database = this.world.couch.databases.get(place)
    const doc = database && this.#documentOf(one, database)
    if (!doc || !this.#isTaken(one, doc)) return
    if (one.manner === 'write') {
      const { _revisions, _rev, ...said } = doc
      const there = database.read(doc._id)
      if (!database.write({ ...said, ...(there ? { _rev: there._rev } : {}) }).ok) return
    } else database.merge(doc)
    this.taken += 1
  }

  #documentOf({ place, manner, id, text, ...line }: HostileDocument, database: MemoryDatabase): Doc {
    const said = decodeJson(text) as Doc
    const [there] = database.leaves(id)
    const known = line.isGrown ? there?._revisions : undefined
    const start =
      known === undefined || !Number.isSafeInteger(known.start)
        ? line.start
        : String(known.start + line.hashes.length)
    const ids = [...line.hashes, ...(known?.ids ?? [])]
    return {
      ...said,
      ...(place === 'account' ? { type: 'user', name: id, roles: id === 'user/eve' ? ['eve0'] : [] } : {}),
      _id: place === 'account' ? `org.couchdb.user:${id}` : id,
      _rev: `${start}-${ids[0] ?? ''}`,
      _revisions: { start: decodeJson(start) as number, ids },
      ...(manner === 'tombstone' ? { _deleted: true } : {}),
    }
  }

  /** What CouchDB says of it, and the validation functions of its own users and of the share. */
  #isTaken({ place, manner }: HostileDocument, { _rev, ...doc }: Doc): boolean {
    try {
      assertUtf8(place, doc)
      assertLegal(place, doc)
    } catch (fault) {
      if (isFault(fault)) return false
      throw fault
    }
    // Members of a database write no design documents; nobody signs anybody else out, or up again.
    if (doc._id.startsWith('_')) return false
    if (place === 'own') return true
    if (place === 'account') {
      if (manner !== 'write') return false
      const there = this.#database('_users').read(doc._id)
      return (
        there === null || doc['name'] === 'user/eve' || !PEOPLE.some((name) => doc['name'] === `user/${name}`)
      )
    }
    const { security } = this.#database('share/pub')
    const context = { db: 'share/pub', name: null, roles: [] }
    // CouchDB's JavaScript has no more digits than any other.
    const shown = JSON.parse(encodeJson(asStored(doc))) as Doc
    return this.#validate(shown, context, security) === null
  }

  /** After the hostile one has written: all goes on, and nothing else was touched. */
  async check(): Promise<void> {
    await this.settle()
    assert.deepEqual(this.strangeWrites(), [], 'nothing is written where the author may write nothing')
  }

  async settle(): Promise<void> {
    await this.world.settle()
    assert.deepEqual(this.world.setAside, [], 'no document was set aside')
    assert.deepEqual(this.world.failures, [], 'no turn has failed')
  }

  /** What the well-behaved do after that; Joe's share is Ann's, too. */
  async goOn(): Promise<void> {
    this.#edits('joe', 'a', { name: 'a of joe, changed' })
    this.#edits('ann', 'b', { note: 'of ann' })
    this.#writes('ann', { _id: 'c', name: 'c of ann', $shares: { x: true } })
    await this.settle()
    for (const name of ['joe', 'ann'] as const) {
      const { a, b, c } = this.contents(name)
      assert.deepEqual(a, { name: 'a of joe, changed', $shares: { x: true } })
      assert.deepEqual(b, { name: 'b of joe', note: 'of ann', $shares: { x: true } })
      assert.deepEqual(c, { name: 'c of ann', $shares: { x: true } })
    }
  }

  /** Pat's own objects are as they were, and guests still come through. */
  async pubGoesOn(): Promise<void> {
    const { p, private: own } = this.contents('pat')
    assert.deepEqual(own, { name: 'of pat' })
    assert.equal((p as Doc | undefined)?.['$shares'] !== undefined, true)
    assert.equal((this.contents('pat')['$share/pub'] as Doc | undefined)?.['$state'], 'active')
    this.world.now += 10 * 60_000
    assert(this.#database('share/pub').write({ _id: 'share/pub/late', name: 'of a guest' }).ok)
    await this.settle()
    assert.deepEqual(this.contents('pat')['late'], { name: 'of a guest', $shares: { pub: true } })
  }

  /** Everything was read to its end, and seen once more nothing is written. */
  async isDone(): Promise<void> {
    for (const name of PEOPLE) {
      const db = `user/${hashOf(name)}`
      const [known] = (await this.world.deps.checkpoints.read([db])).values()
      const page = this.#database(db).changes({ since: known?.since ?? '0', limit: 10, includeDocs: false })
      assert.deepEqual(page.results, [], `${db} was read to its end`)
    }
    // What somebody calls an invitation concerns nobody until the share is looked at. And where others have come to write since an
    // object was too complex for a share, nobody has gone through all objects for that: its author reads of it in another place.
    const isTooComplex = Object.values(this.contents('eve')).some((doc) => isReported(doc, 'too_complex'))
    await this.#seeAgain(
      (line) =>
        line.startsWith('user/eve0 $invitation/') || (isTooComplex && /^(?:user\/eve0|shares) /.test(line)),
    )
    await this.#seeAgain(() => false)
  }

  async #seeAgain(isNews: (line: string) => boolean): Promise<void> {
    await this.world.forgetCheckpoints()
    const written = this.world.couch.writes.length
    await this.settle()
    const again = this.world.couch.writes.slice(written)
    assert.deepEqual(
      again.filter((line) => !line.startsWith(`${CHECKPOINTS} `) && !isNews(line)),
      [],
      'seen once more, nothing is written',
    )
  }

  /** All that the well-behaved have, without times and the names of revisions. */
  wellBehaved(): unknown {
    return Object.fromEntries(
      WELL_BEHAVED.map((name) => {
        const database = this.#database(name)
        const ids = [...database.trees.keys()].filter((id) => !this.#isInvitation(name, id)).sort()
        return [
          name,
          {
            security: database.security,
            docs: ids.map((id) => database.leaves(id).map((leaf) => encodeJson(leaf))),
          },
        ]
      }),
    )
  }

  contents(name: Name): Record<string, unknown> {
    const database = this.#database(`user/${hashOf(name)}`)
    return Object.fromEntries(
      [...database.trees.keys()].flatMap((id) => {
        const doc = database.read(id)
        if (doc === null) return []
        const { _id, _rev, ...content } = doc
        return [[id, content]]
      }),
    )
  }

  /** Lines of what was written since the hostile one began that no document of hers, or of a guest's, may lead to. */
  strangeWrites(): string[] {
    return this.world.couch.writes.slice(this.#begun).filter((line) => !this.#mayBe(line))
  }

  #mayBe(line: string): boolean {
    const at = line.indexOf(' ')
    const [db, id] = [line.slice(0, at), line.slice(at + 1)]
    const share = db.startsWith('share/') ? db.slice('share/'.length) : null
    if (db === 'user/eve0' || db === 'user/eve0/$shares' || db === CHECKPOINTS) return true
    if (this.#isInvitation(db, id)) return true
    // Guests may write into the public share, and what they write is its owner's, too.
    if (share === 'pub') return true
    if (db === 'user/pat0/$shares') return id.startsWith('share/pub/') || id.startsWith('base/')
    if (db === 'user/pat0') return !['private', 'p'].includes(id) && !/^\$(?!share\/pub$)/.test(id)
    if (share !== null) return this.#isEves(share)
    if (db === REGISTRY) {
      const [kind, of = '', who] = id.split('/')
      return this.#isEves(of) || of === 'pub' || (kind === 'subscription' && who === 'eve0')
    }
    if (db === '_users') return id.startsWith('org.couchdb.user:')
    if (db === '_replicator')
      return (
        /^user\/(?:eve0|pat0)\/\$shares => share\//.test(id) || / => user\/(?:eve0|pat0)\/\$shares$/.test(id)
      )
    return false
  }

  /** Eve may invite others into a share of her own. */
  #isInvitation(db: string, id: string): boolean {
    return (
      /^user\/[a-z]+0$/.test(db) &&
      id.startsWith('$invitation/') &&
      this.#isEves(id.slice('$invitation/'.length))
    )
  }

  #isEves(share: string): boolean {
    return this.#database(REGISTRY).read(`share/${share}`)?.['database'] === 'user/eve0'
  }

  #writes(name: Name, doc: Doc): void {
    assert(this.#database(`user/${hashOf(name)}`).write(doc).ok, `${doc._id} of ${name}`)
  }

  #edits(name: Name, id: string, change: object): void {
    const there = this.#database(`user/${hashOf(name)}`).read(id)
    this.#writes(name, { ...there, ...change, _id: id })
  }

  #database(name: string): MemoryDatabase {
    const database = this.world.couch.databases.get(name)
    assert(database, `Expected a database ${name}`)
    return database
  }
}

const isReported = (doc: unknown, code: string): boolean =>
  ((doc as Doc)['$error'] as { code?: unknown } | null | undefined)?.code === code

/** As CouchDB shows a document to a validation function: with the lengths of its attachments. */
function asStored(doc: Doc): Doc {
  if (!doc._attachments) return doc
  const stored = Object.entries(doc._attachments).map(([name, { data = '', ...more }]) => [
    name,
    { ...more, length: Buffer.from(data, 'base64').length },
  ])
  return { ...doc, _attachments: Object.fromEntries(stored) as NonNullable<Doc['_attachments']> }
}
