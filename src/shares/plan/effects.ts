// Picks the effects of one kind.
import type { ObjectEffect } from './object-facts.ts'

export type Effect<Kind extends ObjectEffect['kind']> = Extract<ObjectEffect, { kind: Kind }>

/** Those effects that are of a kind, in their order. */
export const only = <Kind extends ObjectEffect['kind']>(
  effects: readonly ObjectEffect[],
  kind: Kind,
): Effect<Kind>[] => effects.filter((effect): effect is Effect<Kind> => effect.kind === kind)
