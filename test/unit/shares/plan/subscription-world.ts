// One user's part in somebody else's share in memory: effects land in it one by one.
import assert from 'node:assert/strict'
import type { Access, Right } from '../../../../src/shares/model/access.ts'
import type { ShareEntry, ShareState } from '../../../../src/shares/model/entry.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'
import type { SubscriptionEntry } from '../../../../src/shares/model/subscription.ts'
import {
  planLeft,
  planSubscription,
  type SubscriptionEffect,
  type SubscriptionFacts,
} from '../../../../src/shares/plan/subscription.ts'
import { ACCOUNT } from './share-facts.ts'
import { allInWords, factsOf, inWords, partOf, shareOf } from './subscription-facts.ts'

/** The share as its owner and the server's admins have made it. */
export interface ShareSettings {
  /** `saved`: it is ending, and its owner has all that is in it. */
  state: ShareState | 'none' | 'saved'
  /** What everybody may. */
  everyone: Right | null
  password: string | null
}

const MOST_TRIES = 3
const OUT_OF_REACH: unknown[] = ['opening', 'suspended', 'ending']

export class World {
  doc: ObjectDoc | null = null
  invitation: ObjectDoc | null = null
  entry: SubscriptionEntry | null = null
  share: ShareSettings = { state: 'none', everyone: null, password: null }
  databaseExists = true
  isMissing = false
  isScanning = false
  hasOutbox = false
  isFollowed = false
  /** Whether the user has ever written the right password. */
  hasKnown = false
  #tries = 0
  #count = 0

  // what users and admins do

  /** A new document. */
  write(attributes: Record<string, unknown>): void {
    this.databaseExists = true
    this.isMissing = false
    this.doc = { type: '$subscription', ...attributes, _id: '$subscription/s', _rev: this.#rev() }
  }

  /** The document as it is there, changed: what the daemon wrote stays. */
  edit(attributes: Record<string, unknown>): void {
    if (this.doc) this.doc = { ...this.doc, ...attributes, _rev: this.#rev() }
  }

  remove(isMissing: boolean): void {
    this.databaseExists = true
    this.doc = null
    this.isMissing = isMissing
    if (isMissing) this.invitation = null
  }

  removeInvitation(): void {
    this.invitation = null
  }

  dropDatabase(): void {
    this.databaseExists = false
    this.doc = this.invitation = null
    this.isMissing = this.isScanning = this.hasOutbox = false
  }

  /** The share changes, and everybody is told. */
  change(share: ShareSettings): void {
    this.share = share
    if (this.entry && this.entry.state !== 'ended') this.entry = { ...this.entry, due: true }
  }

  /** The owner names the user, or does not any more. */
  grant(right: Right | null): void {
    if (right === (this.entry?.granted ?? null)) return
    const { granted: _, ...rest } = this.entry ?? partOf('ended')
    this.entry = { ...rest, ...(right ? { granted: right } : {}), due: true }
  }

  order(isOrdered: boolean): void {
    if (!this.entry) return
    const { order: _, ...rest } = this.entry
    this.entry = isOrdered ? { ...rest, order: 'end' } : rest
  }

  /** The minute is over. */
  rest(): void {
    this.#tries = 0
  }

  // the daemon

  finishScan(): void {
    if (!this.isScanning || !this.databaseExists) return
    for (const effect of planLeft(structuredClone(this.#facts()))) this.#perform(effect)
    this.isScanning = false
  }

  /** The objects are gone through, and somebody stumbles before all that follows is done. */
  stumble(upTo: number): void {
    if (!this.isScanning || !this.databaseExists) return
    for (const effect of planLeft(structuredClone(this.#facts())).slice(0, upTo)) this.#perform(effect)
  }

  plan(): SubscriptionEffect[] {
    return planSubscription(structuredClone(this.#facts()))
  }

  /** Plans, and performs so many effects. */
  land(upTo: number): void {
    const facts = this.#facts()
    if (facts.password === 'wrong') this.#tries += 1
    if (facts.password === 'right') this.hasKnown = true
    for (const effect of planSubscription(structuredClone(facts)).slice(0, upTo)) this.#perform(effect)
  }

  /** Plans and lands, goes through the objects, and again, until there is nothing to do. */
  settle(): void {
    for (let round = 0; round < 8; round += 1) {
      if (this.plan().length === 0 && !this.isScanning) return
      this.land(99)
      this.finishScan()
    }
    assert.fail(`Expected nothing to do, got ${allInWords(this.plan())}`)
  }

  /** What is left of a history, without revisions and times. */
  summary(): unknown {
    const { _rev, ...doc } = this.doc ?? {}
    const { createdAt: _, updatedAt: __, ...entry } = this.entry ?? {}
    return { doc, entry, invitation: this.invitation && { ...this.invitation, _rev: '' } }
  }

  #facts(): SubscriptionFacts {
    const { doc, entry, invitation, isMissing, isScanning, databaseExists } = this
    return factsOf({
      ...{ doc, entry, invitation, isMissing, databaseExists, scanning: isScanning },
      shareEntry: this.#shareEntry(),
      ownerName: entry?.granted ? 'joe' : null,
      password: this.#judge(),
    })
  }

  #judge(): SubscriptionFacts['password'] {
    const password = this.doc?.['password']
    if (this.share.state === 'none' || this.share.password === null || typeof password !== 'string')
      return 'none'
    if (this.#tries >= MOST_TRIES) return 'too many tries'
    return password === this.share.password ? 'right' : 'wrong'
  }

  #shareEntry(): ShareEntry | null {
    const { state, everyone, password } = this.share
    if (state === 'none') return null
    const granted = this.entry?.granted
    const access: Access = {
      read: everyone === null ? (granted ? ['ann'] : []) : true,
      write: everyone === 'write' ? true : granted === 'write' ? ['ann'] : [],
    }
    const more: Partial<ShareEntry> = {
      ...(password === null ? {} : { password: { ...ACCOUNT, derivedKey: password } }),
      ...(state === 'saved' ? { saved: true } : {}),
    }
    return shareOf(access, more, state === 'saved' ? 'ending' : state)
  }

  #perform(effect: SubscriptionEffect): void {
    switch (effect.kind) {
      case 'change-subscription':
        this.#changeEntry(effect)
        return
      case 'follow':
        this.isFollowed = true
        return
      case 'create-outbox':
        this.hasOutbox = true
        return
      case 'scan':
        assert.ok(this.databaseExists, 'there is something to go through')
        this.isScanning = true
        return
      case 'tell-owner':
        return
      case 'put-document':
        this.#put(effect.doc)
        return
      case 'drop-leaf':
        return
      default:
        effect satisfies never
    }
  }

  #changeEntry({ change }: Extract<SubscriptionEffect, { kind: 'change-subscription' }>): void {
    assert.ok(!('granted' in change) && !('order' in change), 'an order and a grant are others’')
    if (change.state === 'active') {
      assert.ok(this.hasOutbox && this.isFollowed && this.isScanning, 'all is begun before he takes part')
      assert.ok(this.#mayRead(change.admitted === true), 'nobody takes part who may not read')
    }
    const changed = Object.entries({ ...(this.entry ?? partOf('ended')), ...change })
    this.entry = Object.fromEntries(
      changed.filter(([, value]) => value !== undefined),
    ) as unknown as SubscriptionEntry
  }

  #put(doc: ObjectDoc): void {
    assert.ok(this.databaseExists, `no document is written where there is no database: ${doc._id}`)
    assert.ok(!('password' in doc), 'a password is taken off')
    if (doc._id === '$invitation/s') {
      assert.equal(doc._rev, this.invitation?._rev ?? '')
      this.invitation = doc['_deleted'] ? null : { ...structuredClone(doc), _rev: this.#rev() }
      return
    }
    assert.ok(this.doc, inWords({ kind: 'put-document', doc }))
    if (this.doc._rev === doc._rev) this.doc = { ...structuredClone(doc), _rev: this.#rev() }
  }

  /** By docs/sharing.md: who is named, everybody where all may, and who knew the password. */
  #mayRead(isAdmitted: boolean): boolean {
    const { state, everyone, password } = this.share
    if (state !== 'active') return false
    return this.entry?.granted !== undefined || (everyone !== null && (password === null || isAdmitted))
  }

  // what has to hold when there is nothing to do

  assertRight(): void {
    const { doc, entry, share, invitation } = this
    if (entry?.admitted) assert.ok(this.hasKnown, 'nobody is admitted who never knew the password')
    assert.notEqual(entry?.state, 'ending')
    if (!this.databaseExists) {
      assert.ok(entry === null || entry.state === (entry.granted ? 'invited' : 'ended'))
      assert.equal(entry?.due, entry?.granted ? true : undefined, 'he learns of it when he comes again')
      return
    }
    assert.equal(entry?.due, undefined)

    const isThere = ['active', 'opening', 'suspended'].includes(share.state)
    const right = isThere ? entry?.granted : undefined
    assert.equal(entry?.invited, right, 'it is noted of what he was told')
    if (invitation) assert.equal(invitation['access'], right)

    if (doc === null && !this.isMissing) {
      assert.ok(entry === null || entry.state === (entry.granted ? 'invited' : 'ended'))
      return
    }
    if (doc) assert.ok(!('password' in doc), 'a password is taken off')
    if (entry?.state === 'active') this.#assertTakesPart(entry)
    else if (doc) this.#assertTakesNoPart(doc)
  }

  #assertTakesPart(entry: SubscriptionEntry): void {
    const { doc, share } = this
    const isOut = OUT_OF_REACH.includes(share.state)
    assert.ok(isOut || this.#mayRead(entry.admitted === true), 'who may not read takes no part')
    assert.equal(entry.order, undefined)
    assert.equal(entry.paused, isOut ? true : undefined)
    if (!doc) return
    const isMalformed =
      doc['type'] !== '$subscription' || !['keep', 'remove', undefined].includes(doc['onEnd'] as never)
    const isError = isMalformed || share.state === 'suspended'
    assert.equal(doc['$state'], isError ? 'error' : 'active')
    assert.equal(doc['$error'] === undefined, !isError)
    if (!isMalformed) assert.equal(entry.onEnd, doc['onEnd'] ?? 'remove')
  }

  #assertTakesNoPart(doc: ObjectDoc): void {
    const { entry } = this
    const state = doc['$state']
    if (state === 'ended') {
      assert.ok(entry === null || ['ended', 'invited'].includes(entry.state))
      return
    }
    assert.equal(state, 'error')
    const { code } = doc['$error'] as { code: string }
    if (code === 'wrong_type' || code === 'invalid_on_end') return
    if (entry?.order === 'end') assert.equal(code, 'ended_by_admin')
    else {
      assert.ok(!this.#mayRead(false), 'who may read takes part')
      assert.equal(entry?.state, entry?.granted ? 'invited' : 'refused', 'who has asked is remembered')
      const { everyone, password, state: shareState } = this.share
      const isForPassword = shareState === 'active' && everyone !== null && password !== null
      assert.equal(code !== 'not_allowed', isForPassword, 'nobody learns which ids exist')
    }
  }

  #rev(): string {
    this.#count += 1
    return `${String(this.#count)}-d`
  }
}
