// What a write does, and who forbids it.
import assert from 'node:assert/strict'
import type { Doc, Event } from 'couch-shares/rules'
import { seen, verdictOf } from './write.ts'

describe('rules/event', () => {
  const gone = { _id: 'note:1', _deleted: true }
  const alive = { _id: 'note:1' }
  const table: [oldDoc: Doc | null, doc: Doc, event: Event, deletion: boolean, creation: boolean][] = [
    [null, alive, 'create', false, true],
    [gone, alive, 'create', false, true],
    [alive, alive, 'modify', false, false],
    [alive, gone, 'delete', true, false],
    [null, gone, 'tombstone', true, true],
    [gone, gone, 'tombstone', true, true],
    [{ ...alive, _deleted: false }, { ...alive, _deleted: false }, 'modify', false, false],
  ]
  for (const [oldDoc, doc, event, isDeletion, isCreation] of table)
    it(`${JSON.stringify(oldDoc)} → ${JSON.stringify(doc)} is ${event}`, () => {
      assert.equal(
        seen({ oldDoc, doc }, (context) => context.event),
        event,
      )
      assert.equal(
        verdictOf({ oldDoc, doc }, ({ forbidDeletion }) => forbidDeletion()),
        isDeletion ? 'forbidden: You may not delete `note` documents.' : 'ok',
      )
      assert.equal(
        verdictOf({ oldDoc, doc }, ({ forbidCreation }) => forbidCreation()),
        isCreation ? 'forbidden: You may not create `note` documents.' : 'ok',
      )
    })

  it('names no type where there is none', () => {
    assert.equal(
      verdictOf({ doc: { _id: 'a', _deleted: true } }, ({ forbidDeletion }) => forbidDeletion()),
      'forbidden: You may not delete this document.',
    )
    assert.equal(
      verdictOf({ doc: { _id: 'a' } }, ({ forbidCreation }) => forbidCreation()),
      'forbidden: You may not create this document.',
    )
  })

  const histories: [name: string, oldDoc: Doc | null, doc: Doc, isReplicated: boolean][] = [
    ['a new document', null, { _id: 'a' }, false],
    ['a document over its leaf', { _rev: '1-a' }, { _rev: '1-a' }, false],
    ['a document over its tombstone', { _rev: '2-b', _deleted: true }, { _rev: '2-b' }, false],
    ['a history that begins anew', null, { _rev: '1-a' }, true],
    ['a history off a revision that is there', { _rev: '1-a' }, { _rev: '2-b' }, true],
  ]
  for (const [name, oldDoc, doc, isReplicated] of histories)
    it(`${name} is ${isReplicated ? 'pushed' : 'direct'}`, () => {
      assert.equal(
        seen({ oldDoc, doc }, (context) => context.isReplicated),
        isReplicated,
      )
      assert.equal(
        verdictOf({ oldDoc, doc }, ({ enforceDirectWrite }) => enforceDirectWrite()),
        isReplicated ? 'forbidden: Write this document directly, not by replication.' : 'ok',
      )
    })
})
