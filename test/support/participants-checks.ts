// What has to be true of users who share with each other once everything has settled.
import assert from 'node:assert/strict'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import type { Base } from '../../src/shares/model/base.ts'
import { digestsOf } from '../../src/documents/digests.ts'
import type { ShareEntry } from '../../src/shares/model/entry.ts'
import {
  contentOf,
  intersect,
  parseConsents,
  project,
  shows,
  type Selection,
} from '../../src/documents/content.ts'
import type { SubscriptionEntry } from '../../src/shares/model/subscription.ts'
import { OBJECTS, SHARES, valuesOf, type Participants } from './participants.ts'
import { assertAttachmentsReceived, assertAttachmentsShown } from './participants-attachments.ts'

/** What of a document is content: no attributes of CouchDB's and none of the daemon's. */
const attributesOf = (doc: Doc | null): Record<string, unknown> | null =>
  doc && project(doc as StoredDoc, true).attributes

const entryOf = (people: Participants, share: string): ShareEntry | null =>
  people.registry.read(`share/${share}`) as unknown as ShareEntry | null

const partOf = (people: Participants, share: string, user: number): SubscriptionEntry | null =>
  people.registry.read(`subscription/${share}/${people.hash(user)}`) as unknown as SubscriptionEntry | null

const baseOf = (people: Participants, user: number, object: string): Base | null =>
  (people.outbox(user)?.read(`base/${object}`) ?? null) as unknown as Base | null

const codesOf = (
  entry: { rejected?: { document: string; code: string }[] } | null,
  object: string,
): string[] => (entry?.rejected ?? []).filter(({ document }) => document === object).map(({ code }) => code)

/** The selection that a document consents to, or null. */
function consentOf(doc: Doc | null, share: string): Selection | null {
  const consents = parseConsents(doc?.['$shares'])
  const consent = consents.kind === 'keys' ? consents.keys.get(share) : undefined
  return consent?.kind === 'share' ? consent.selection : null
}

const everybody = (people: Participants): number[] => Array.from({ length: people.count }, (_, user) => user)

export function assertRight(people: Participants): void {
  assert.deepEqual(people.world.setAside, [], 'no document was set aside')
  for (const share of SHARES) assertShare(people, share)
  for (const user of everybody(people)) for (const object of OBJECTS) assertObject(people, user, object)
  assertNothingLost(people)
  assertNothingShown(people)
  people.privates.assertPrivate()
  for (const one of people.deletedOnDevice) {
    const [user = '', id = ''] = one.split(' ')
    assert.equal(
      people.database(Number(user)).read(id),
      null,
      `${id} was deleted by ${people.name(Number(user))}`,
    )
  }
}

function assertShare(people: Participants, share: string): void {
  const owner = people.ownerOf(share)
  const document = people.database(owner).read(`$share/${share}`)
  const entry = entryOf(people, share)
  const database = people.share(share)
  const isOpen = document !== null
  assert.equal(entry?.state ?? 'ended', isOpen ? 'active' : 'ended', `state of ${share} in the registry`)
  assert.equal(database !== null, isOpen, `${share} has a database as long as it is there`)
  if (document) assert.equal(document['$state'], 'active', `$state of ${share}`)
  assert.equal(entry?.rotate, undefined, `${share} is not to be made anew`)
  assert.equal(entry?.problem, undefined, `${share} has no problem`)
  const access = accessInForce(people, share)
  const participants: number[] = []
  for (const user of everybody(people)) {
    if (user === owner) continue
    const part = partOf(people, share, user)
    assertPart(people, share, user, part, access)
    if (part?.state === 'active') participants.push(user)
  }
  if (!database || !document || !entry) return

  const members = database.security.members ?? {}
  const readers = everybody(people).filter((user) => user === owner || access.named.has(user))
  assert.deepEqual(
    members,
    access.everybody
      ? { names: [], roles: [] }
      : { names: [], roles: readers.map((user) => people.hash(user)).sort() },
    `readers of ${share}`,
  )
  const shown = (document['$participants'] ?? []) as { name: string; access: string }[]
  assert.deepEqual(
    shown.map(({ name }) => name).sort(),
    participants.map((user) => (people.hasAccount(user) ? people.name(user) : people.hash(user))).sort(),
    `participants on the document of ${share}`,
  )
  const copies = OBJECTS.filter((object) => database.read(`share/${share}/${object}`) !== null)
  assert.deepEqual(
    entry.counts ?? { objects: 0, subscribers: 0 },
    { objects: copies.length, subscribers: participants.length },
    `counts of ${share}`,
  )
  for (const object of OBJECTS) {
    assertCopy(people, share, object)
    for (const user of participants) assertReceived(people, share, user, object)
  }
}

interface Rights {
  named: Map<number, 'read' | 'write'>
  everybody: 'read' | 'write' | null
}

/** What all live leaves of the owner's document give: a device may have brought one back that says something else. */
function accessInForce(people: Participants, share: string): Rights {
  const leaves = people.database(people.ownerOf(share)).leaves(`$share/${share}`)
  const [first, ...others] = leaves.filter(({ _deleted }) => !_deleted).map((leaf) => accessOf(people, leaf))
  return others.reduce(whatBothGive, first ?? accessOf(people, null))
}

function whatBothGive(one: Rights, other: Rights): Rights {
  const all = lesser(one.everybody, other.everybody)
  const named = [...new Set([...one.named.keys(), ...other.named.keys()])].flatMap((user) => {
    const right = lesser(rightOf(one, user), rightOf(other, user))
    return right === null || right === all || all === 'write' ? [] : [[user, right] as const]
  })
  return { named: new Map(named), everybody: all }
}

const lesser = (one: Rights['everybody'], other: Rights['everybody']): Rights['everybody'] =>
  one === null || other === null ? null : one === 'write' ? other : 'read'

/** What an owner's document gives to whom, without a look at the daemon's code. */
function accessOf(people: Participants, document: Doc | null): Rights {
  const access = document?.['access'] as boolean | { read?: unknown; write?: unknown } | undefined
  const rights: Rights = { named: new Map(), everybody: null }
  if (access === true) return { ...rights, everybody: 'write' }
  if (typeof access !== 'object') return rights
  for (const right of ['read', 'write'] as const) {
    const whom = access[right]
    if (whom === true) rights.everybody = right
    else if (Array.isArray(whom))
      for (const user of everybody(people))
        if (whom.includes(people.name(user)) && people.hasAccount(user)) rights.named.set(user, right)
  }
  return rights
}

const rightOf = ({ named, everybody: all }: Rights, user: number): 'read' | 'write' | null =>
  all === 'write' ? 'write' : (named.get(user) ?? all)

function assertPart(
  people: Participants,
  share: string,
  user: number,
  part: SubscriptionEntry | null,
  access: Rights,
): void {
  const who = `${people.name(user)} in ${share}`
  const database = people.database(user)
  const document = database.read(`$subscription/${share}`)
  const right = rightOf(access, user)
  assert.equal(part?.due, undefined, `${who} has nothing left to learn`)
  assert.equal(part?.paused, undefined, `${who} does not wait`)
  assert.notEqual(part?.state, 'ending', `${who} is not about to leave`)
  const isNamed = access.named.get(user)
  assert.equal(
    part?.granted,
    isNamed === 'read' && access.everybody === 'write' ? 'write' : isNamed,
    `right of ${who}`,
  )
  const invitation = database.read(`$invitation/${share}`)
  assert.equal(invitation?.['access'], part?.granted, `invitation of ${who}`)
  if (document === null || right === null) assert.notEqual(part?.state, 'active', `${who} takes no part`)
  if (part?.state === 'active')
    assert.equal(document?.['$state'], 'active', `${who} reads that he takes part`)
  else if (document) {
    assert.notEqual(document['$state'], 'active', `${who} reads that he takes no part`)
    if (right !== null) assert.equal(document['$state'], 'ended', `${who} takes no part for a reason`)
  }
}

/** What the owner shares is what the share has. */
function assertCopy(people: Participants, share: string, object: string): void {
  const owner = people.ownerOf(share)
  const doc = people.database(owner).read(object)
  const copy = people.share(share)?.read(`share/${share}/${object}`) ?? null
  const entry = entryOf(people, share)
  const selection = consentOf(doc, share)
  const what = `${object} in ${share}`
  assert.equal(copy?._conflicts, undefined, `one leaf of ${what}`)
  const base = baseOf(people, owner, object)
  if (codesOf(entry, object).includes('unrelated_object')) return
  // A user's own conflict in what goes one way: the share has what all leaves allow.
  if (doc?._conflicts) return
  const wanted = doc && selection ? project(doc, selection).attributes : null
  assert.deepEqual(attributesOf(copy), wanted, `${what} is what its owner shares`)
  assertAttachmentsShown(copy, doc, selection, what)
  const copied = people.outbox(owner)?.read(`share/${share}/${object}`) ?? null
  assert.equal(copied?._conflicts, undefined, `one leaf of ${what}, in the outbox`)
  if (entry?.home !== 'share') {
    assert.deepEqual(attributesOf(copied), wanted, `${what}, in the outbox`)
  } else if (copy) {
    assert.equal(base?.agreed[share]?.state, 'both', `base of ${what}`)
    assert.deepEqual(
      base?.agreed[share]?.attributes,
      digestsOf(contentOf(copy)).attributes,
      `base of ${what}`,
    )
  } else assert.notEqual(base?.agreed[share]?.state, 'both', `base of ${what}`)
  assert.deepEqual(base?.shares[share] ?? null, copy ? selection : null, `what may be readable of ${what}`)
}

/** Who takes part has what the share has. */
function assertReceived(people: Participants, share: string, user: number, object: string): void {
  const owner = people.ownerOf(share)
  const copy = people.share(share)?.read(`share/${share}/${object}`) ?? null
  const doc = people.database(user).read(object)
  const part = partOf(people, share, user)
  const agreed = baseOf(people, user, object)?.agreed[share]
  const selection = consentOf(doc, share)
  const rejected = codesOf(part, object)
  const what = `${object} of ${share} at ${people.name(user)}`
  if (copy === null) {
    if (selection !== null)
      assert.deepEqual(rejected, ['read_only'], `${what} is nowhere else, which is said`)
    assert.notEqual(agreed?.state, 'both', `base of ${what}`)
    return
  }
  if (rejected.includes('unrelated_object')) {
    const isFromElsewhere = SHARES.some((other) => other !== share && consentOf(doc, other) !== null)
    const isOwn = people.touched.has(`${user} ${object}`) || people.left.has(`${user} ${object}`)
    // What was kept when another share's part ended is its user's own, whatever that share was.
    const isKept = SHARES.some((other) => {
      const kept = other === share ? null : partOf(people, other, user)
      return kept?.onEnd === 'keep' && kept.state !== 'active'
    })
    assert(isOwn || isFromElsewhere || isKept, `${what} is another object`)
    return
  }
  if (agreed?.state === 'left') {
    const isUnknown = people.compacted.has(user) && people.outboxesLost.has(user)
    assert(isUnknown || people.left.has(`${user} ${object}`), `${what} was left by himself`)
    return
  }
  assert(doc, `${what} is there`)
  assert(selection, `${what} belongs to the share`)
  assert.equal(doc._conflicts, undefined, `one leaf of ${what}`)
  assert.equal(agreed?.state, 'both', `base of ${what}`)
  const limit = baseOf(people, owner, object)?.shares[share] ?? null
  const scope = intersect(selection, limit ?? [])
  const isWriter = rightOf(accessInForce(people, share), user) === 'write'
  const kept = agreed.kept ?? {}
  if (isWriter)
    assert(
      Object.keys(kept).every((name) => people.keptBefore(user, share, object, name)),
      `${what} keeps nothing back`,
    )
  const isShown = (name: string): boolean => shows(scope, name.replace(/^_attachments\/.*/s, '_attachments'))
  const privately = Object.keys(agreed.own ?? {}).filter(isShown)
  // What the owner does not show any more is in nobody's way, and nothing is said of it.
  if (Object.keys(kept).some(isShown))
    assert.deepEqual(rejected, ['read_only'], `${what} is changed, which is said`)
  else if (privately.some((name) => name !== 'updatedAt'))
    assert.deepEqual(
      rejected,
      [isWriter ? 'stays_private' : 'read_only'],
      `${what} stays private, which is said`,
    )
  const [mine, theirs] = [attributesOf(doc) ?? {}, attributesOf(copy) ?? {}]
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)]))
    if (shows(scope, name) && !Object.hasOwn(kept, name) && !privately.includes(name))
      assert.deepEqual(mine[name], theirs[name], `${name} of ${what}`)
  assertAttachmentsReceived(copy, doc, { scope, kept, agreed }, what)
}

/** An object of a user's. */
function assertObject(people: Participants, user: number, object: string): void {
  const doc = people.database(user).read(object)
  const base = baseOf(people, user, object)
  const what = `${object} of ${people.name(user)}`
  const isExchanged = Object.values(base?.agreed ?? {}).some(({ state }) => state === 'both')
  if (isExchanged) assert.equal(doc?._conflicts, undefined, `one leaf of ${what}`)
  const wishes = (doc?.['$shares'] ?? {}) as Record<string, unknown>
  if (!doc?._conflicts)
    assert(!Object.values(wishes).includes(false), `${what} still has a share that is set to false`)
  for (const [share, { state }] of Object.entries(base?.agreed ?? {})) {
    // What stayed is known again when its user comes back.
    if (state === 'parted') continue
    const isMine = people.ownerOf(share) === user
    const isPart = isMine
      ? entryOf(people, share)?.state === 'active'
      : partOf(people, share, user)?.state === 'active'
    assert(isPart, `the base of ${what} knows nothing of ${share}, which is over`)
  }
  const isKept = people.touched.has(`${user} ${object}`) || people.left.has(`${user} ${object}`)
  if (doc === null || isKept || people.keepers.has(user)) return
  const received = SHARES.filter(
    (share) =>
      partOf(people, share, user)?.state === 'active' &&
      people.share(share)?.read(`share/${share}/${object}`),
  )
  const own = SHARES.filter((share) => people.ownerOf(share) === user)
  assert(received.length > 0 || own.length > 0, `${what} is there for a reason`)
}

/** Every value is somewhere, or was replaced by somebody who had seen it, or it is said that it was refused. */
function assertNothingLost(people: Participants): void {
  const { databases } = people.world.couch
  const found = new Set<string>()
  for (const [name, database] of databases)
    if (/^(?:user|share)\//.test(name))
      for (const id of database.trees.keys())
        for (const leaf of database.leaves(id)) for (const value of valuesOf(leaf)) found.add(value)
  for (const { value, object, at } of people.tokens.values()) {
    if (found.has(value) || people.superseded.has(value) || people.purged.has(object)) continue
    const isSaid = people.rejections.some((rejection) => rejection.object === object && rejection.at >= at)
    assert(isSaid, `${value} in ${object} is lost`)
  }
}

/** No revision that can be read, of any age, shows anybody what was not meant for him. */
function assertNothingShown(people: Participants): void {
  const shownNow = (share: string, object: string): Selection => {
    // What a writer brought under an `_id` that the owner's own object has is the writer's.
    if (people.foreign.has(`${share} ${object}`) && people.share(share)?.read(`share/${share}/${object}`))
      return true
    const base = baseOf(people, people.ownerOf(share), object)
    return base?.shares[share] ?? []
  }
  for (const [name, database] of people.world.couch.databases) {
    const share = SHARES.find((id) => name === `share/${id}`)
    const user = everybody(people).find((one) => name === `user/${people.hash(one)}`)
    if (share === undefined && user === undefined) continue
    for (const [id, tree] of database.trees)
      for (const { body, rev } of tree.revisions.values())
        for (const value of valuesOf(body)) {
          const token = people.tokens.get(value)
          assert(token, `${value} was never written`)
          const where = `${value} (${token.attribute}) in ${id} ${rev} of ${name}`
          if (user === token.by) continue
          // What somebody put into the share himself was not a secret of anybody else's, and yet is taken out again.
          if (token.isDirect && share !== undefined)
            assert(shows(shownNow(share, token.object), token.attribute), `${where} was never shown`)
          if (token.isDirect) continue
          if (share !== undefined) {
            assert(shows(shownNow(share, token.object), token.attribute), `${where} is not shared`)
            assert(!token.kept.has(share) || token.consented.size > token.kept.size, `${where} is a reader's`)
          }
          assert(token.consented.size > 0, `${where} was never shared by its author`)
          const isShown = [...token.consented].some(
            (one) =>
              people.shown.get(`${one} ${token.object}`)?.has(token.attribute) === true ||
              people.foreign.has(`${one} ${token.object}`),
          )
          // What a writer brings, the others have before the owner has it to show; one whose database is made anew just then never has.
          const isBrought = [...token.consented].some(
            (one) =>
              people.ownerOf(one) !== token.by &&
              people.mayHaveWritten(token.by, one, token.at) &&
              !people.shown.has(`${one} ${token.object}`),
          )
          assert(isShown || isBrought, `${where} was never shared by the owner`)
          const mayHaveSent = [...token.consented].some((one) =>
            people.mayHaveWritten(token.by, one, token.at),
          )
          assert(mayHaveSent, `${where} is of nobody who may write`)
        }
  }
}
