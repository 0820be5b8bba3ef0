// What is planned for an object, and whether CouchDB itself sees that somebody has written since that was read on which it rests.
import type { ObjectEffect } from './object-facts.ts'

/** The effects of each object, in their order. */
export function effectsByObject(effects: readonly ObjectEffect[]): Map<string, ObjectEffect[]> {
  const byObject = new Map<string, ObjectEffect[]>()
  for (const effect of effects) {
    const object = 'object' in effect ? effect.object : effect.doc._id
    const those = byObject.get(object)
    if (those) those.push(effect)
    else byObject.set(object, [effect])
  }
  return byObject
}

/**
 * True where an object takes what a copy says, and nothing else is done: no copy is written, nothing gives way. Then the object is
 * written over the revision that was read, and after that its base over the revision that was read. Both were there all the time in
 * between, or CouchDB refuses the one that was not, and all is read and planned again. What an admin purges in just that time is not
 * seen, for CouchDB takes a write over what is not there any more (docs/design.md); nor would it be between a second look and the write.
 */
export function isBoundToRevisions(effects: readonly ObjectEffect[]): boolean {
  const isBound = (effect: ObjectEffect): boolean =>
    (effect.kind === 'put-object' && effect.over !== null) ||
    (effect.kind === 'put-base' && effect.stage === 'after' && effect.rev !== null)
  const kinds = new Set(effects.map(({ kind }) => kind))
  return kinds.has('put-object') && kinds.has('put-base') && effects.every(isBound)
}
