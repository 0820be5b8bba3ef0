// One share in memory, with everybody who may try to read it or write into it: effects land in it one by one.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Right } from '../../../../src/shares/model/access.ts'
import type { ShareEntry } from '../../../../src/shares/model/entry.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import { problem } from '../../../../src/documents/problem.ts'
import { ADMIN_ONLY, type FoundSecurity, type Grants } from '../../../../src/documents/security.ts'
import { rightOf } from '../../../../src/shares/model/subscription.ts'
import { planHalted, planScanned, planShare } from '../../../../src/shares/plan/share.ts'
import { ACCOUNT, allInWords, entryOf, factsOf, inWords, MINE, PRIVATE, THEIRS } from './share-facts.ts'
import type { ShareEffect, ShareFacts } from '../../../../src/shares/plan/share-facts.ts'
import type { Writers } from '../../../../src/shares/model/security.ts'

/** Stands for the password that the document shows already. */
export const KEEP = Symbol('the password as it is shown')

/** Who may do what. */
type Rights = Map<string, Right>

/** As CouchDB creates databases. */
const NEWBORN: FoundSecurity = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } }

/** Persons who try all the time; `p1` and `p2` are those who know that password, and nothing else. */
const PEOPLE = ['me', 'stranger', 'u1', 'u2', 'n', 'p1', 'p2'] as const
const OTHERS = PEOPLE.filter((person) => person !== 'me')

/** Who may do what before something is planned, and what is meant to come of it. */
interface Ends {
  before: Rights
  after: Rights
}

const oneByOne = (rights: Rights): Rights[] => [...rights].map((one) => new Map([one]))

const isWithin = (rights: Rights, whole: Rights): boolean =>
  [...rights].every(([person, right]) => whole.get(person) === 'write' || whole.get(person) === right)

/** One share in memory: registry, database, replication, account, users, and the owner's documents about it. */
export class World {
  doc: ObjectDoc | null = null
  isMissing = false
  entry: ShareEntry | null
  database: {
    security: FoundSecurity
    isBorn: boolean
    readers: Set<string>
    isWrittenByOthers: boolean
  } | null = null
  hasOutbox = false
  isReplicating = false
  hasCopies = false
  isScanning = false
  ownerExists = true
  fromStart = false
  /** Kinds of effects that reached the database, the replication or the registry. */
  readonly touched: string[] = []
  /** The password of the account in `_users`, and whether its holder has changed it. */
  #account: { password: string; isChanged: boolean } | null = null
  #users = new Set(['u1', 'u2'])
  #parts = new Map<
    string,
    { granted: Right | null; isActive: boolean; isAdmitted: boolean; isTold: boolean }
  >()
  #isWrittenDirectly = false
  #homeTurns = 0
  #count = 0

  constructor(entry: ShareEntry | null = null) {
    this.entry = entry
    if (entry)
      this.database = { security: PRIVATE, isBorn: true, readers: new Set(), isWrittenByOthers: false }
  }

  // what users and admins do

  write({
    access,
    password,
    more,
  }: {
    access: unknown
    password: unknown
    more: Record<string, unknown>
  }): void {
    const shown: unknown = password === KEEP ? this.doc?.['password'] : password
    this.#revive()
    this.doc = {
      type: '$share',
      ...(access === undefined ? {} : { access }),
      ...(shown === undefined ? {} : { password: shown }),
      ...more,
      _id: '$share/s',
      _rev: this.#rev(),
    }
    this.isMissing = false
  }

  remove(): void {
    this.#revive()
    this.doc = null
    this.isMissing = false
  }

  loseDatabase(): void {
    if (this.#isMine) this.database = null
  }

  dropUser(): void {
    this.ownerExists = false
    this.doc = null
    this.isMissing = false
    this.isScanning = false
  }

  /** Somebody with admin rights opens the share for everybody by hand. */
  openUp(): void {
    if (this.database && this.#isMine && this.entry?.state === 'active') {
      this.database.security = {}
      this.#see()
    }
  }

  /** Who knows the password may change it: the account is his own document. */
  tamper(): void {
    if (this.#account) this.#account = { password: 'other', isChanged: true }
  }

  /** The replication of the share does not start. */
  halt(): void {
    if (this.#isMine && this.entry?.state === 'opening')
      this.perform(planHalted(this.#facts(false), problem('replication_failed')))
  }

  order(order: 'suspend' | 'end' | null): void {
    if (!this.#isMine || this.entry === null) return
    const { order: _, ...rest } = this.entry
    this.entry = order === null ? rest : { ...rest, order }
  }

  user(name: string, exists: boolean): void {
    if (exists) this.#users.add(name)
    else this.#users.delete(name)
  }

  join(who: string, isAdmitted: boolean): void {
    if (!this.#isMine || this.entry?.state !== 'active') return
    const part = this.#part(who)
    this.#parts.set(who, { ...part, isActive: true, isAdmitted })
  }

  /** Somebody else writes, if he may; or the owner does, as he always may. */
  guestWrites(directly: boolean): void {
    if (!this.database || !this.#isMine || this.entry === null) return
    const rights = this.#inForce()
    if (directly && rights.get('me') === 'write' && this.entry.home !== 'share')
      this.#isWrittenDirectly = true
    else if (OTHERS.some((person) => rights.get(person) === 'write')) this.database.isWrittenByOthers = true
  }

  /** The objects were gone through; the share is planned again after that. */
  finishScan(): void {
    if (!this.isScanning && !this.#isFilledFromStart) return
    if (this.#isMine) this.perform(planScanned('s', this.entry))
    this.isScanning = false
  }

  // the daemon

  /** All objects come by the feed, and no scan is there for that. */
  get #isFilledFromStart(): boolean {
    return this.fromStart && this.#isMine && this.entry?.filled === false
  }

  /** Plans, and performs so many effects. */
  land(upTo: number): void {
    const ends = { before: this.#inForce(), after: this.#meant() }
    const parts = { before: this.#bySubscription(), after: this.#meantForSubscribers() }
    let left = upTo
    let isDrained = false
    let isPasswordChanged = false
    for (let round = 0; round < 5; round += 1) {
      const effects = planShare(structuredClone(this.#facts(isDrained)))
      let isAgain = false
      for (const effect of effects) {
        if (left === 0) return
        left -= 1
        this.perform([effect])
        isPasswordChanged ||= effect.kind === 'set-password' || effect.kind === 'restore-account'
        this.#assertBetween(effect, ends, parts, isPasswordChanged)
        isAgain = effect.kind === 'set-password' || effect.kind === 'drain'
        isDrained ||= effect.kind === 'drain'
        if (isAgain) break
      }
      if (isAgain) continue
      // What is left of a user whose database is gone goes with the outbox.
      if (!this.ownerExists) this.hasOutbox = this.hasCopies = false
      return
    }
    assert.fail('Expected to be done, got to plan again and again')
  }

  /**
   * No state in between is more open than both ends are. Where `_users` and `_security` both change, and for
   * subscribers, of whom each has a document, that holds for each person; else for all of them together.
   */
  #assertBetween(effect: ShareEffect, ends: Ends, parts: Ends, isPasswordChanged: boolean): void {
    const now = this.#inForce()
    const all = isPasswordChanged ? oneByOne(now) : [now]
    for (const rights of all)
      assert.ok(
        isWithin(rights, ends.before) || isWithin(rights, ends.after),
        `more open than both ends after ${inWords(effect)}: ${JSON.stringify([now, ends.before, ends.after].map((one) => [...one]))}`,
      )
    for (const rights of oneByOne(this.#bySubscription()))
      assert.ok(
        isWithin(rights, parts.before) || isWithin(rights, parts.after),
        `more open for subscribers after ${inWords(effect)}: ${JSON.stringify([...rights])}`,
      )
    const othersWrite = [...now].some(([person, right]) => person !== 'me' && right === 'write')
    if (othersWrite && this.#isMine)
      assert.equal(this.entry?.home, 'share', 'home turns before others may write')
  }

  plan(): ShareEffect[] {
    return planShare(structuredClone(this.#facts(false)))
  }

  #facts(isDrained: boolean): ShareFacts {
    const { doc, entry } = this
    const named = new Map(
      [...this.#users].map((name) => [
        name,
        name === 'n'
          ? { grants: { names: ['n'], roles: [] }, owners: [] }
          : { grants: { names: [], roles: [name] }, owners: [name] },
      ]),
    )
    return factsOf({
      doc,
      entry,
      named,
      databaseExists: this.database !== null,
      security: this.database && this.#isMine ? this.database.security : null,
      ownerExists: this.ownerExists,
      scanning: this.isScanning,
      fromStart: this.fromStart,
      isMissing: this.isMissing,
      participants: this.#isMine
        ? [...this.#parts].map(([subscriber, { granted, isActive, isAdmitted }]) => ({
            ...{ subscriber, name: subscriber, granted, isActive, admitted: isAdmitted, right: null },
          }))
        : [],
      account: entry?.password && this.#isMine && !this.#isAccountRight ? 'changed' : 'in force',
      isPasswordInForce: this.#isMine && entry?.password?.derivedKey === doc?.['password'],
      isWrittenDirectly: this.#isWrittenDirectly,
      isDrained,
    } as Partial<ShareFacts>)
  }

  perform(effects: readonly ShareEffect[]): void {
    for (const effect of effects) {
      if (!['put-document', 'create-outbox'].includes(effect.kind)) this.touched.push(effect.kind)
      this.#perform(effect)
      this.#see()
    }
  }

  #perform(effect: ShareEffect): void {
    switch (effect.kind) {
      case 'claim':
        this.entry ??= entryOf('opening')
        return
      case 'change-entry':
        this.#changeEntry(effect.change)
        return
      case 'create-outbox':
        this.hasOutbox = true
        return
      case 'create-database':
        assert.notEqual(this.entry, null, 'the id is claimed before its database is made')
        this.database ??= { security: NEWBORN, isBorn: false, readers: new Set(), isWrittenByOthers: false }
        return
      case 'prepare-database':
        assert.notEqual(this.entry, null, 'the id is claimed before its database is made')
        this.database ??= { security: NEWBORN, isBorn: false, readers: new Set(), isWrittenByOthers: false }
        this.database.security = ADMIN_ONLY
        this.database.isBorn = true
        return
      case 'complete':
        assert.equal(this.entry?.filled, true, 'all objects were gone through')
        assert.deepEqual(this.database?.security, ADMIN_ONLY, 'nobody is in while it is filled')
        return
      case 'secure':
        assert.ok(this.database)
        this.database.security = effect.security
        this.database.isBorn = true
        return
      case 'set-password':
        assert.ok(this.entry, 'the id is claimed before a password is noted for it')
        this.#account = { password: effect.password, isChanged: false }
        this.#changeEntry({
          ...(this.entry.password ? { rotate: true } : {}),
          password: { ...ACCOUNT, derivedKey: effect.password },
        })
        return
      case 'restore-account':
        assert.ok(this.entry?.password)
        this.#account = { password: this.entry.password.derivedKey, isChanged: false }
        return
      case 'remove-account':
        this.#account = null
        return
      case 'turn-home':
        assert.ok(this.database?.isBorn, 'security is set before anything is copied in')
        this.#homeTurns += 1
        assert.notEqual(this.entry?.home, 'share', 'home turns once')
        this.isReplicating = false
        this.#isWrittenDirectly = false
        this.#changeEntry({ home: 'share' })
        return
      case 'start-replication':
        assert.ok(this.database?.isBorn, 'security is set before anything is copied in')
        assert.ok(this.hasOutbox)
        this.isReplicating = true
        return
      case 'stop-replication':
        this.isReplicating = false
        return
      case 'drain':
        assert.ok(this.database)
        assert.deepEqual(
          this.database.security,
          ADMIN_ONLY,
          'nothing more comes in while the last is taken in',
        )
        assert.equal(this.entry?.home, 'share')
        this.database.isWrittenByOthers = false
        return
      case 'drop-database':
        assert.equal(this.isReplicating, false, 'the job is gone before the database goes')
        if (this.ownerExists)
          assert.ok(!this.database?.isWrittenByOthers, 'what others wrote last is taken in')
        if (this.ownerExists)
          assert.ok(!this.#isWrittenDirectly || !this.database, 'and what the owner wrote')
        this.database = null
        this.#isWrittenDirectly = false
        return
      case 'forget-copies':
        this.hasCopies = false
        return
      case 'rotate': {
        assert.equal(this.isReplicating, false, 'the job is gone before the database goes')
        const { isWrittenByOthers = false } = this.database ?? {}
        const security = effect.security as FoundSecurity
        this.database = { security, isBorn: true, readers: new Set(), isWrittenByOthers }
        return
      }
      case 'scan':
        this.isScanning = true
        if (this.entry?.state === 'opening') this.hasCopies = true
        return
      case 'enlist':
        for (const [who, part] of this.#parts)
          this.#parts.set(who, { ...part, granted: effect.granted[who] ?? null })
        for (const [who, granted] of Object.entries(effect.granted))
          this.#parts.set(who, { ...this.#part(who), granted })
        return
      case 'tell-participants':
        for (const part of this.#parts.values()) part.isTold = true
        return
      case 'pause-participants':
        assert.equal(this.database, null, 'there is nothing to compare with yet')
        return
      case 'put-document':
        if (effect.doc['$state'] === 'active') {
          assert.ok(this.database?.isBorn, 'active is said after security is in place')
          assert.equal(this.entry?.state, 'active')
          assert.ok(typeof effect.doc['password'] !== 'string', 'a password in force is not shown')
        }
        if (this.doc?._rev === effect.doc._rev)
          this.doc = { ...structuredClone(effect.doc), _rev: this.#rev() }
        return
      case 'drop-leaf':
        return
      default:
        effect satisfies never
    }
  }

  #changeEntry(change: { [Key in keyof ShareEntry]?: ShareEntry[Key] | undefined }): void {
    assert.ok(this.entry, 'an entry is claimed before it changes')
    assert.ok(!JSON.stringify(change).includes('"order"'), 'an order is the admin’s')
    const isOver = change.state === 'ending' || change.state === 'ended'
    if (change.state === 'ended') {
      for (const part of this.#parts.values()) {
        assert.ok(!part.isActive || part.isTold, 'who takes part is told that the share ends')
        assert.equal(part.granted, null, 'nobody is invited to a share that is over')
        part.isActive = false
        part.isAdmitted = false
      }
      this.#homeTurns = 0
    } else if (isOver) for (const part of this.#parts.values()) part.isTold = false
    const changed = Object.entries({ ...this.entry, ...change }).filter(([, value]) => value !== undefined)
    this.entry = Object.fromEntries(changed) as unknown as ShareEntry
  }

  /** Plans and lands, goes through the objects, and again, until there is nothing to do. */
  settle(): void {
    for (let round = 0; round < 8; round += 1) {
      if (this.plan().length === 0 && !this.isScanning && !this.#isFilledFromStart) return
      this.land(99)
      this.finishScan()
    }
    assert.fail(`Expected nothing to do, got ${allInWords(this.plan())}`)
  }

  /** What is left of a history, without revisions and numbers that only grow. */
  summary(): unknown {
    const { _rev, ...doc } = this.doc ?? {}
    const { rotations: _, losses: __, ...entry } = this.entry ?? {}
    const { security, isBorn } = this.database ?? {}
    const participants = ((doc as Partial<ObjectDoc>)['$participants'] ?? []) as { name: string }[]
    return {
      doc: { ...doc, $participants: participants.sort((one, other) => one.name.localeCompare(other.name)) },
      ...{ entry: { ...entry, home: null }, security, isBorn },
    }
  }

  /** @param before the entry before the world settled */
  assertRight(before: ShareEntry | null): void {
    const { doc, entry } = this
    const state = entry?.state
    if (this.database)
      for (const person of this.database.readers)
        assert.ok(this.#inForce().has(person), `feeds of ${person}, who may not read any more, have ended`)
    assert.equal(this.#account !== null, entry?.password !== undefined, 'the account goes with the password')
    if (entry?.password && state === 'active') assert.ok(this.#isAccountRight, 'the account is restored')
    assert.ok(this.#homeTurns <= 1, 'home turns once')

    if (doc === null && !this.isMissing) {
      assert.ok(entry === null || state === 'ended', 'without a document nothing is left')
      this.#assertNothingLeft()
    } else if (entry?.order === 'end') {
      assert.equal(state, 'ended')
      this.#assertNothingLeft()
      if (doc) assert.equal((doc['$error'] as { code: string }).code, 'ended_by_admin')
    } else if (entry?.order === 'suspend') {
      assert.equal(state, before?.state === 'ended' || before?.state === 'ending' ? 'ended' : 'suspended')
      if (this.database) assert.deepEqual([this.database.security, this.isReplicating], [ADMIN_ONLY, false])
      if (doc) assert.equal((doc['$error'] as { code: string }).code, 'suspended')
    } else if (doc === null || this.#isMalformed(doc)) {
      // What was in force stays in force; what was ending ends; what was never in force does not begin.
      if (doc) assert.equal(doc['$state'], 'error')
      const isOver = before?.state === 'ending' || before?.state === 'ended'
      assert.equal(state, isOver ? 'ended' : before?.access ? 'active' : before?.state)
      if (state === 'active')
        assert.deepEqual([entry?.access, entry?.password], [before?.access, before?.password])
      this.#assertInForce()
    } else {
      assert.equal(doc['$state'], 'active')
      assert.equal(doc['$error'], undefined)
      assert.equal(state, 'active')
      assert.equal(entry?.database, MINE)
      this.#assertInForce()
      const shown = (doc['$participants'] ?? []) as { name: string }[]
      const rights = this.#bySubscription()
      const expected = [...this.#parts].filter(([who, { isActive }]) => isActive && rights.has(who))
      assert.deepEqual(shown.map(({ name }) => name).sort(), expected.map(([who]) => who).sort())
    }
  }

  #assertNothingLeft(): void {
    assert.equal(this.entry === null ? null : this.database, null)
    assert.equal(this.isReplicating, false)
    assert.equal(this.hasCopies, false)
    for (const { isActive, granted } of this.#parts.values())
      assert.deepEqual([isActive, granted], [false, null])
  }

  #assertInForce(): void {
    if (this.entry?.state !== 'active') return
    assert.ok(this.database?.isBorn)
    // Where a crash came between turning home and starting it again, the next copy starts it.
    assert.ok(this.isReplicating || this.#homeTurns > 0)
    assert.equal(this.entry.rotate, undefined)
    assert.deepEqual(this.#inForce(), this.#meant())
    assert.deepEqual(this.#bySubscription(), this.#meantForSubscribers())
  }

  // who may do what

  /** By `_security` as it is, and by the account, as CouchDB and `_design/write_access` decide. */
  #inForce(): Rights {
    const rights: Rights = new Map()
    if (!this.database) return rights
    const { members = {}, writers = {} } = this.database.security as FoundSecurity & {
      writers?: Partial<Writers>
    }
    // Who is no user any more is anonymous.
    const isIn = ({ names = [], roles = [] }: Partial<Grants>, person: string): boolean =>
      this.#canLogIn(person) &&
      (names.includes(person) || this.#rolesOf(person).some((role) => roles.includes(role)))
    const isPublic = [...(members.names ?? []), ...(members.roles ?? [])].length === 0
    for (const person of PEOPLE) {
      if (!isPublic && !isIn(members, person)) continue
      const isWriter = writers.everyone === true || isIn(writers, person)
      rights.set(person, isWriter ? 'write' : 'read')
    }
    return rights
  }

  #rolesOf(person: string): string[] {
    if (person === 'n') return []
    if (person !== this.#account?.password) return [person]
    return this.#isMine && this.entry?.password ? [person, ACCOUNT.role] : [person]
  }

  #canLogIn(person: string): boolean {
    return person === 'me' || person === 'stranger' || person.startsWith('p') || this.#users.has(person)
  }

  /** What the document means, by the tables in docs/sharing.md; where it is malformed, what is noted as in force. */
  #meant(): Rights {
    const { doc, entry } = this
    const rights: Rights = new Map()
    if (!this.#isMine && entry) return this.#inForce()
    const isOver = entry?.order === 'end' || entry?.state === 'ending' || (doc === null && !this.isMissing)
    if (isOver || entry?.order === 'suspend') return rights
    const wish = this.#wish()
    if (wish === null) return rights
    const { read, write, password } = wish
    rights.set('me', 'write')
    const everyone: Right | null = write === true ? 'write' : read === true ? 'read' : null
    if (everyone)
      for (const person of PEOPLE)
        if (person !== 'me' && (password === null || person === password)) rights.set(person, everyone)
    for (const person of Array.isArray(read) ? (read as string[]) : [])
      if (this.#users.has(person)) rights.set(person, write === true ? 'write' : 'read')
    for (const person of Array.isArray(write) ? (write as string[]) : [])
      if (this.#users.has(person)) rights.set(person, 'write')
    return rights
  }

  #wish(): { read: unknown; write: unknown; password: string | null } | null {
    const { doc, entry } = this
    if (doc === null || this.#isMalformed(doc)) {
      if (!entry?.access || entry.state === 'ended') return null
      return { ...entry.access, password: entry.password?.derivedKey ?? null }
    }
    const access = (doc['access'] ?? {}) as true | { read?: unknown; write?: unknown }
    const { read, write } = access === true ? { read: true, write: true } : access
    const password = (doc['password'] ?? null) as string | object | null
    return {
      ...{ read, write },
      password:
        typeof password === 'string' || password === null ? password : (entry?.password?.derivedKey ?? null),
    }
  }

  #isMalformed(doc: ObjectDoc): boolean {
    const { type, access, password } = doc
    const isPublic =
      access === true ||
      (typeof access === 'object' && Object.values(access as object).some((whom) => whom === true))
    return (
      (type !== undefined && type !== '$share') ||
      typeof access === 'string' ||
      (password !== undefined && password !== null && !isPublic) ||
      (typeof password === 'object' &&
        password !== null &&
        (password as { name: string }).name !== this.entry?.password?.name)
    )
  }

  /** What the daemon gives to those who subscribe. */
  #bySubscription(): Rights {
    const rights: Rights = new Map()
    if (this.entry?.state !== 'active') return rights
    // Nobody is given anything while a share is to be made anew; of one that goes on, nobody was before.
    if (this.entry.rotate && isDeepStrictEqual(this.database?.security, ADMIN_ONLY)) return rights
    for (const who of ['stranger', 'u1', 'u2']) {
      const { granted, isAdmitted } = this.#part(who)
      const right = rightOf(this.entry, {
        ...(granted ? { granted } : {}),
        ...(isAdmitted ? { admitted: true } : {}),
      })
      if (right) rights.set(who, right)
    }
    return rights
  }

  #meantForSubscribers(): Rights {
    const rights = this.#meant()
    const wish = this.#wish()
    const everyone: Right | null =
      wish === null || rights.size === 0
        ? null
        : wish.write === true
          ? 'write'
          : wish.read === true
            ? 'read'
            : null
    const meant: Rights = new Map()
    for (const who of ['stranger', 'u1', 'u2']) {
      const right = this.#part(who).isAdmitted && everyone ? everyone : rights.get(who)
      const isNamed = rights.get(who) !== undefined
      const best = right === 'write' || rights.get(who) === 'write' ? 'write' : right
      // Who is gone from `_users` may still have a database: what everybody may, he may, too.
      const open = wish?.password === null ? everyone : null
      const found = isNamed || this.#part(who).isAdmitted ? best : open
      if (found) meant.set(who, found)
    }
    return meant
  }

  #part(who: string): { granted: Right | null; isActive: boolean; isAdmitted: boolean; isTold: boolean } {
    return this.#parts.get(who) ?? { granted: null, isActive: false, isAdmitted: false, isTold: false }
  }

  get #isAccountRight(): boolean {
    return this.#account?.password === this.entry?.password?.derivedKey && this.#account?.isChanged === false
  }

  get #isMine(): boolean {
    return this.entry?.database !== THEIRS
  }

  /** Whoever may read has a feed open. */
  #see(): void {
    for (const person of this.#inForce().keys()) this.database?.readers.add(person)
  }

  #revive(): void {
    this.ownerExists = true
  }

  #rev(): string {
    this.#count += 1
    return `${String(this.#count)}-d`
  }
}
