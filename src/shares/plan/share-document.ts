// A `$share` as its owner reads it: its state, what is wrong with it, who takes part, whom it waits for, and what was rejected.
import { namesIn, type Access, type Right } from '../model/access.ts'
import type { ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { parsePassword, shownPassword } from '../model/password.ts'
import { isOurProblem, problem, type Problem } from '../../documents/problem.ts'
import type { LeavesRequest } from '../model/share.ts'
import { rightOf } from '../model/subscription.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { redundantLeaves, type Rival } from './leaves.ts'
import type { ShareEffect, ShareFacts } from './share-facts.ts'
import { shareOfDocument } from '../model/ids.ts'

/** Besides what `redundantLeaves` knows of, the daemon lists participants and who is missing, and puts its account in place of a password. */
export function redundantShareLeaves(doc: ObjectDoc, rivals: readonly Rival[]): string[] {
  const redundant = rivals.flatMap(({ leaf, ancestor }) =>
    redundantLeaves(shareAsWritten(doc, ancestor), [
      { leaf: shareAsWritten(leaf, ancestor), ancestor: ancestor && shareAsWritten(ancestor, ancestor) },
    ]),
  )
  return [...new Set(redundant)]
}

/** A leaf as its user left it, with the password that stood there before the daemon put it in force or took it off. */
export function shareAsWritten(
  { $participants: _, $waiting: __, ...leaf }: ObjectDoc,
  ancestor: ObjectDoc | null,
): ObjectDoc {
  const before = parsePassword(ancestor?.['password']).kind
  const now = parsePassword(leaf['password']).kind
  const isOurs = (before === 'new' && now === 'kept') || (before === 'none' && now === 'none')
  return { ...leaf, password: isOurs ? ancestor?.['password'] : leaf['password'] }
}

/** How many participants, and how many others, a `$share` lists at the most; the registry has all. */
const MOST_LISTED = 100

/** What a `$share` asks for, as it is in force when it is marked. */
export interface InForce {
  access: Access
  password: Extract<LeavesRequest, { kind: 'valid' }>['password']
  found: Problem | null
}

/** The `$share` document with its state, or nothing where it says that already. */
export function mark(facts: ShareFacts, doc: ObjectDoc, { access, password, found }: InForce): ShareEffect[] {
  return markAsIs(facts, doc, found, inForce(facts, doc, password), access)
}

/**
 * What was asked for is in force: a password in clear text goes, and one that was taken away leaves the document. What other
 * leaves of it ask for stays theirs.
 */
function inForce({ entry }: ShareFacts, doc: ObjectDoc, password: InForce['password']): ObjectDoc {
  const { password: written, ...rest } = doc
  const wish = parsePassword(written)
  if (wish.kind !== password.kind) return doc
  if (wish.kind === 'none') return rest
  return wish.kind === 'new' && entry?.password ? { ...doc, password: shownPassword(entry.password) } : doc
}

/** Nothing is said of a share that is not open yet; a password in clear text does not wait for that. */
export function hidePassword(
  facts: ShareFacts,
  doc: ObjectDoc,
  password: InForce['password'],
): ShareEffect[] {
  const hidden = inForce(facts, doc, password)
  if (isSameJson(hidden, doc)) return []
  // What its user may have written there is not so yet.
  const { $state: _, ...waiting } = hidden
  return [{ kind: 'put-document', doc: waiting }]
}

/** The same, for a document that is not in force as it stands: what is wrong stays to be seen. */
export function markAsIs(
  facts: ShareFacts,
  doc: ObjectDoc,
  found: Problem | null,
  settings: Record<string, unknown> = doc,
  access: Access | undefined = facts.entry?.access,
): ShareEffect[] {
  const { $state, $error, $rejected: _, $participants: __, $waiting: ___, ...rest } = settings
  // Nothing of somebody else's share is shown.
  const entry = facts.entry?.database === facts.database ? facts.entry : null
  // A document that is no `$share/<id>` and only calls itself one keeps its own `$state`.
  const isShare = shareOfDocument(doc._id) !== null
  const state = isShare ? (found === null ? 'active' : 'error') : $state
  const foreign = $error !== undefined && !isOurProblem($error) && found === null ? { $error } : {}
  const participants = isShare && entry && access ? shownParticipants(facts, entry, access) : []
  const waiting = isShare && access && (entry || facts.entry === null) ? missing(facts, access) : []
  const marked = {
    ...rest,
    ...(state === undefined ? {} : { $state: state }),
    ...(found === null ? foreign : { $error: found }),
    ...(participants.length > 0 ? { $participants: participants } : {}),
    ...(waiting.length > 0 ? { $waiting: waiting } : {}),
    ...(isShare && entry?.rejected?.length ? { $rejected: entry.rejected } : {}),
  } as ObjectDoc
  return isSameJson(marked, doc) ? [] : [{ kind: 'put-document', doc: marked }]
}

/** Who takes part, by the access that is in force now. */
function shownParticipants(
  facts: ShareFacts,
  { password }: ShareEntry,
  access: Access,
): { name: string; access: Right }[] {
  const byName = grantedTo(facts, access)
  const shown: { name: string; access: Right }[] = []
  for (const { subscriber, name, isActive, right, admitted } of facts.participants) {
    const granted = byName[subscriber]
    const may =
      admitted === undefined
        ? right
        : rightOf(
            { access, ...(password ? { password } : {}) },
            { ...(granted ? { granted } : {}), ...(admitted ? { admitted } : {}) },
          )
    if (isActive && may !== null) shown.push({ name: name ?? subscriber, access: may })
  }
  return shown.slice(0, MOST_LISTED)
}

/** Who is named and gets nothing, or no invitation, yet; and the owner, where the user database is nobody's for want of a role. */
function missing({ named, withoutRole }: ShareFacts, access: Access): ({ name: string } & Problem)[] {
  const asked = new Set(namesIn(access))
  const lacking = [...(withoutRole ?? [])].flatMap(([name, role]) =>
    asked.has(name) || !named.has(name) ? [{ name, ...problem('no_role', role) }] : [],
  )
  const waiting = [...asked].flatMap((name) => {
    if (withoutRole?.has(name)) return []
    const user = named.get(name)
    if (user === undefined) return [{ name, ...problem('no_account') }]
    return user.owners.length === 0 ? [{ name, ...problem('no_user_database') }] : []
  })
  return [...lacking, ...waiting].slice(0, MOST_LISTED)
}

/** The users who are named, by the hash of their databases, without the owner. */
export function grantedTo({ named, owner }: ShareFacts, { read, write }: Access): Record<string, Right> {
  const granted: Record<string, Right> = {}
  for (const [right, whom] of [
    [write === true ? 'write' : 'read', read],
    ['write', write],
  ] as const)
    for (const name of whom === true ? [] : whom)
      for (const hash of named.get(name)?.owners ?? []) if (!owner.roles.includes(hash)) granted[hash] = right
  return granted
}
