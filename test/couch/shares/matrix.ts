// What everybody may do to a share, and to the daemon's own databases: the table of access in docs/sharing.md, cell by cell.
import type { Database } from '../../../src/couch/database.ts'
import { isFault } from '../../../src/couch/fault.ts'
import { CHECKPOINTS, REGISTRY, shareDatabase } from '../../../src/documents/names.ts'
import { pathOf, type Person } from '../../support/logins.ts'
import type { Space } from '../../support/space.ts'
import { copyId, replicationId } from '../../../src/shares/model/ids.ts'

/**
 * What somebody has in a share: nothing (`-`), to read (`r`), to write because everybody may (`p`), to write by name or
 * as the owner (`w`).
 */
export type Right = '-' | 'r' | 'p' | 'w'

export const RIGHTS: readonly Right[] = ['-', 'r', 'p', 'w']

/**
 * How an action has to end:
 * - `shown`: 200, and what was asked for;
 * - `done`: 200, 201 or 202, and it has happened;
 * - `refused`: 401 for who is not logged in, 403 for who is;
 * - `forbidden`: 403 for both, by `_design/write_access`;
 * - `admins`: 401, also for who is logged in: CouchDB asks for another login;
 * - `rejected`: the request is taken, and every document in it refused;
 * - `failed`: any error, since CouchDB answers members with 500 for a database of one shard;
 * - `missing`: 404.
 * But for `shown` and `done`, nothing is shown of what the share holds, and nothing has happened.
 */
export type Verdict =
  'shown' | 'done' | 'refused' | 'forbidden' | 'admins' | 'rejected' | 'failed' | 'missing'

/** What there is to be read and written in the share while somebody tries. */
export interface Ground {
  space: Space
  share: string
  owner: string
  /** A revision of `MAIN` before the last one: an ordinary edit is no un-sharing. */
  oldRevision: string
  /** A revision of `NARROWED` that showed more than is shared now. */
  withdrawnRevision: string
  /** Revisions of the objects that each person has for himself, by object. */
  revisions: ReadonlyMap<string, string>
}

/** Somebody who tries an action. */
export interface Actor {
  /** For ids: lower-case letters. */
  label: string
  /** A number of his own. */
  number: number
  person: Person
}

export interface Action {
  title: string
  /** By right: nothing, read, write as one of all, write by name. */
  expected: readonly [Verdict, Verdict, Verdict, Verdict]
  method: string
  /** The URL behind that of the server. */
  where: (ground: Ground, actor: Actor) => string
  body?: (ground: Ground, actor: Actor) => unknown
  /** What has to stand in an answer that shows something. */
  shows?: string
  /** Asked by an admin after all: has it happened? */
  hasHappened?: (ground: Ground, actor: Actor) => Promise<boolean>
}

export const MAIN = 'todo/main'
export const NARROWED = 'todo/narrowed'
/** What the copies show, in every revision. */
export const SHOWN = 'shown-to-members'
export const NOW = `${SHOWN}-now`
export const BEFORE = `${SHOWN}-before`
/** What objects hold that was never shared, or is not any more. */
export const PRIVATE = 'kept-from-everybody'
export const ATTACHMENT = 'note.txt'
/** An object that nobody writes to: who sees its name has seen the list of what there is. */
export const LISTED = 'todo/listed'
/** None of these may stand in an answer that shows nothing. */
export const TELLTALES: readonly string[] = [SHOWN, PRIVATE, LISTED]

/** The objects that everybody has for himself, to write to. */
export const OWN_OBJECTS = ['update', 'delete', 'attach', 'inline', 'purge', 'bulk'] as const
export const ownObject = (what: (typeof OWN_OBJECTS)[number], label: string): string =>
  `todo/${what}-${label}`

const READ = ['refused', 'shown', 'shown', 'shown'] as const
const WRITE = ['refused', 'refused', 'done', 'done'] as const
/** `_bulk_docs` tells of each document what became of it. */
const WRITE_BULK = ['refused', 'rejected', 'done', 'done'] as const
/** What `_design/write_access` keeps from writers, too. */
const OUT_OF_PLACE = ['refused', 'refused', 'forbidden', 'forbidden'] as const
const OUT_OF_PLACE_BULK = ['refused', 'rejected', 'rejected', 'rejected'] as const
/** How CouchDB keeps design documents to admins. */
const NEVER = ['refused', 'refused', 'refused', 'refused'] as const
const NEVER_BULK = OUT_OF_PLACE_BULK
/** CouchDB asks for the server's admin first. */
const SERVER_ADMIN = ['admins', 'admins', 'admins', 'admins'] as const
/** CouchDB asks for a member first, then for the database's admin. */
const DATABASE_ADMIN = ['refused', 'admins', 'admins', 'admins'] as const
const SETTING = ['refused', 'failed', 'failed', 'failed'] as const
/** Every member writes `_local` documents: what those say proves nothing. */
const LOCAL = ['refused', 'done', 'done', 'done'] as const
/** An attachment that comes alone has no length yet: who is not named has to send it within its document. */
const LONE_ATTACHMENT = ['refused', 'refused', 'forbidden', 'done'] as const

const databaseOf = ({ share }: Ground): string => pathOf(shareDatabase(share))
const inShare =
  (suffix: string) =>
  (ground: Ground): string =>
    `${databaseOf(ground)}${suffix}`
const urlOf = (ground: Ground, object: string): string =>
  `${databaseOf(ground)}/${pathOf(copyId(ground.share, object))}`
const idOf = ({ share }: Ground, object: string): string => copyId(share, object)
const homeOf = ({ space, share }: Ground): Database => space.share(share)
const revisionOf = ({ revisions }: Ground, object: string): string => revisions.get(object) ?? ''

const isThere =
  (id: (ground: Ground, actor: Actor) => string): NonNullable<Action['hasHappened']> =>
  async (ground, actor) =>
    (await homeOf(ground).get(id(ground, actor))) !== null

const READINGS: Action[] = [
  ['a document', (ground: Ground) => urlOf(ground, MAIN), NOW],
  ['_all_docs', inShare('/_all_docs?include_docs=true'), NOW],
  ['_changes', inShare('/_changes?include_docs=true'), NOW],
  ['_changes with all leaves', inShare('/_changes?include_docs=true&style=all_docs&attachments=true'), NOW],
  ['an attachment', (ground: Ground) => `${urlOf(ground, MAIN)}/${ATTACHMENT}`, SHOWN],
  ['a document with its attachments', (ground: Ground) => `${urlOf(ground, MAIN)}?attachments=true`, NOW],
  ['an old revision by rev', (ground: Ground) => `${urlOf(ground, MAIN)}?rev=${ground.oldRevision}`, BEFORE],
  [
    'an old revision by open_revs',
    (ground: Ground) => `${urlOf(ground, MAIN)}?open_revs=${encodeURIComponent(`["${ground.oldRevision}"]`)}`,
    BEFORE,
  ],
  ['all leaves by open_revs', (ground: Ground) => `${urlOf(ground, MAIN)}?open_revs=all`, NOW],
  ['the database', (ground: Ground) => databaseOf(ground), '"doc_count"'],
  ['_security', inShare('/_security'), '"members"'],
  ['a design document', inShare('/_design/write_access'), 'validate_doc_update'],
  ['_design_docs', inShare('/_design_docs'), 'write_access'],
  ['_local_docs', inShare('/_local_docs'), 'rows'],
].map(([title, where, shows]) => ({
  title: `read ${title as string}`,
  expected: READ,
  method: 'GET',
  where: where as Action['where'],
  shows: shows as string,
}))

const ASKINGS: Action[] = [
  {
    title: '_all_docs by keys',
    suffix: '/_all_docs?include_docs=true',
    body: (ground: Ground) => ({ keys: [idOf(ground, MAIN)] }),
    shows: NOW,
  },
  { title: '_find', suffix: '/_find', body: () => ({ selector: { name: NOW } }), shows: NOW },
  {
    title: '_bulk_get',
    suffix: '/_bulk_get?attachments=true',
    body: (ground: Ground) => ({ docs: [{ id: idOf(ground, MAIN) }] }),
    shows: NOW,
  },
  {
    title: 'an old revision by _bulk_get',
    suffix: '/_bulk_get',
    body: (ground: Ground) => ({ docs: [{ id: idOf(ground, MAIN), rev: ground.oldRevision }] }),
    shows: BEFORE,
  },
  {
    title: '_changes by _doc_ids',
    suffix: '/_changes?include_docs=true&filter=_doc_ids',
    body: (ground: Ground) => ({ doc_ids: [idOf(ground, MAIN)] }),
    shows: NOW,
  },
  {
    title: '_revs_diff',
    suffix: '/_revs_diff',
    body: (ground: Ground) => ({ [idOf(ground, MAIN)]: ['9-f00'] }),
    shows: '9-f00',
  },
].map(({ title, suffix, body, shows }) => ({
  title: `read ${title}`,
  expected: READ,
  method: 'POST',
  where: inShare(suffix),
  body,
  shows,
}))

const WITHDRAWN: Action[] = [
  {
    title: 'read a withdrawn revision by rev',
    expected: ['refused', 'missing', 'missing', 'missing'],
    method: 'GET',
    where: (ground) => `${urlOf(ground, NARROWED)}?rev=${ground.withdrawnRevision}`,
  },
  {
    title: 'read a withdrawn revision by open_revs',
    expected: READ,
    method: 'GET',
    where: (ground) =>
      `${urlOf(ground, NARROWED)}?open_revs=${encodeURIComponent(`["${ground.withdrawnRevision}"]`)}`,
    shows: 'missing',
  },
  {
    title: 'read a withdrawn revision by _bulk_get',
    expected: READ,
    method: 'POST',
    where: inShare('/_bulk_get'),
    body: (ground) => ({ docs: [{ id: idOf(ground, NARROWED), rev: ground.withdrawnRevision }] }),
    shows: 'not_found',
  },
]

const WRITINGS: Action[] = [
  {
    title: 'create',
    expected: WRITE,
    method: 'PUT',
    where: (ground, { label }) => urlOf(ground, `todo/create-${label}`),
    body: () => ({ name: 'new' }),
    hasHappened: isThere((ground, { label }) => idOf(ground, `todo/create-${label}`)),
  },
  {
    title: 'create by POST',
    expected: WRITE,
    method: 'POST',
    where: databaseOf,
    body: (ground, { label }) => ({ _id: idOf(ground, `todo/post-${label}`), name: 'new' }),
    hasHappened: isThere((ground, { label }) => idOf(ground, `todo/post-${label}`)),
  },
  {
    title: 'create by _bulk_docs',
    expected: WRITE_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (ground, { label }) => ({ docs: [{ _id: idOf(ground, `todo/bulk-new-${label}`), name: 'new' }] }),
    hasHappened: isThere((ground, { label }) => idOf(ground, `todo/bulk-new-${label}`)),
  },
  {
    title: 'create as a replication does',
    expected: WRITE_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (ground, { label }) => ({
      new_edits: false,
      docs: [{ _id: idOf(ground, `todo/replicated-${label}`), _rev: '1-abc', name: 'new' }],
    }),
    hasHappened: isThere((ground, { label }) => idOf(ground, `todo/replicated-${label}`)),
  },
  {
    title: 'update',
    expected: WRITE,
    method: 'PUT',
    where: (ground, { label }) => urlOf(ground, ownObject('update', label)),
    body: (ground, { label }) => ({
      _rev: revisionOf(ground, ownObject('update', label)),
      name: 'changed',
    }),
    hasHappened: async (ground, { label }) =>
      (await homeOf(ground).get(idOf(ground, ownObject('update', label))))?.['name'] === 'changed',
  },
  {
    title: 'delete',
    expected: WRITE,
    method: 'DELETE',
    where: (ground, { label }) => {
      const object = ownObject('delete', label)
      return `${urlOf(ground, object)}?rev=${revisionOf(ground, object)}`
    },
    hasHappened: async (ground, { label }) =>
      (await homeOf(ground).get(idOf(ground, ownObject('delete', label)))) === null,
  },
  {
    title: 'delete by _bulk_docs',
    expected: WRITE_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (ground, { label }) => {
      const object = ownObject('bulk', label)
      return { docs: [{ _id: idOf(ground, object), _rev: revisionOf(ground, object), _deleted: true }] }
    },
    hasHappened: async (ground, { label }) =>
      (await homeOf(ground).get(idOf(ground, ownObject('bulk', label)))) === null,
  },
  {
    title: 'write an attachment',
    expected: LONE_ATTACHMENT,
    method: 'PUT',
    where: (ground, { label }) => {
      const object = ownObject('attach', label)
      return `${urlOf(ground, object)}/new.txt?rev=${revisionOf(ground, object)}`
    },
    body: () => 'an attachment',
    hasHappened: hasAttachment('attach'),
  },
  {
    title: 'write an attachment within its document',
    expected: WRITE,
    method: 'PUT',
    where: (ground, { label }) => urlOf(ground, ownObject('inline', label)),
    body: (ground, { label }) => ({
      _rev: revisionOf(ground, ownObject('inline', label)),
      _attachments: { 'new.txt': { content_type: 'text/plain', data: 'YQ==' } },
    }),
    hasHappened: hasAttachment('inline'),
  },
]

function hasAttachment(what: 'attach' | 'inline'): NonNullable<Action['hasHappened']> {
  return async (ground, { label }) =>
    (await homeOf(ground).get(idOf(ground, ownObject(what, label))))?._attachments !== undefined
}

async function hasLocal({ couch }: Space, database: string, label: string): Promise<boolean> {
  try {
    await couch.request({ path: [database, '_local', label] })
    return true
  } catch (error) {
    if (isFault(error, 'not_found')) return false
    throw error
  }
}

/** Ids that no copy has. */
const OUTSIDE: [string, (ground: Ground, actor: Actor) => string][] = [
  ['an id outside the share', (_, { label }) => `todo/outside-${label}`],
  ['an id of another share', (_, { label }) => `share/other/todo/outside-${label}`],
  ['the reserved id $x', (ground, { label }) => idOf(ground, `$x-${label}`)],
  ['the reserved id _design/x', (ground, { label }) => idOf(ground, `_design/x-${label}`)],
]

const OUTSIDES: Action[] = OUTSIDE.flatMap(([title, id]): Action[] => [
  {
    title: `write ${title}`,
    expected: OUT_OF_PLACE,
    method: 'PUT',
    where: (ground, actor) => `${databaseOf(ground)}/${encodeURIComponent(id(ground, actor))}`,
    body: () => ({ name: 'intruder' }),
    hasHappened: isThere(id),
  },
  {
    title: `write ${title} as a replication does`,
    expected: OUT_OF_PLACE_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (ground, actor) => ({ new_edits: false, docs: [{ _id: id(ground, actor), _rev: '1-abc' }] }),
    hasHappened: isThere(id),
  },
])

const ATTRIBUTES: Action[] = ['$shares', '$state', '$error', '$rejected'].map((attribute) => ({
  title: `write the reserved attribute ${attribute}`,
  expected: OUT_OF_PLACE,
  method: 'PUT',
  where: (ground, { label }) => urlOf(ground, `todo/${attribute.slice(1)}-${label}`),
  body: () => ({ [attribute]: null }),
  hasHappened: isThere((ground, { label }) => idOf(ground, `todo/${attribute.slice(1)}-${label}`)),
}))

const DESIGNS: Action[] = [
  {
    title: 'write a design document',
    expected: NEVER,
    method: 'PUT',
    where: (ground, { label }) => `${databaseOf(ground)}/_design/${label}`,
    body: () => ({ filters: {} }),
    hasHappened: isThere((_, { label }) => `_design/${label}`),
  },
  {
    title: 'write a design document by _bulk_docs',
    expected: NEVER_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (_, { label }) => ({ docs: [{ _id: `_design/bulk-${label}`, filters: {} }] }),
    hasHappened: isThere((_, { label }) => `_design/bulk-${label}`),
  },
  {
    title: 'write a design document as a replication does',
    expected: NEVER_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (_, { label }) => ({
      new_edits: false,
      docs: [{ _id: `_design/replicated-${label}`, _rev: '1-abc', filters: {} }],
    }),
    hasHappened: isThere((_, { label }) => `_design/replicated-${label}`),
  },
  {
    title: 'delete the design document that guards the share',
    expected: NEVER_BULK,
    method: 'POST',
    where: inShare('/_bulk_docs'),
    body: (ground) => ({
      docs: [
        { _id: '_design/write_access', _rev: revisionOf(ground, '_design/write_access'), _deleted: true },
      ],
    }),
    hasHappened: async (ground) => (await homeOf(ground).get('_design/write_access')) === null,
  },
  {
    title: 'make an index',
    expected: SETTING,
    method: 'POST',
    where: inShare('/_index'),
    body: (_, { label }) => ({ index: { fields: ['name'] }, ddoc: `index-${label}` }),
    hasHappened: isThere((_, { label }) => `_design/index-${label}`),
  },
]

const SETTINGS: Action[] = [
  {
    title: 'set _security',
    expected: SETTING,
    method: 'PUT',
    where: inShare('/_security'),
    body: (_, { label }) => ({ admins: { names: [label], roles: [] }, members: { names: [], roles: [] } }),
    hasHappened: async (ground, { label }) =>
      JSON.stringify((await homeOf(ground).security()).admins).includes(label),
  },
  {
    title: 'set _revs_limit',
    expected: SETTING,
    method: 'PUT',
    where: inShare('/_revs_limit'),
    body: (_, { number }) => 500 + number,
    hasHappened: async ({ space, share }, { number }) =>
      (await space.couch.request({ path: [shareDatabase(share), '_revs_limit'] })) === 500 + number,
  },
  {
    title: 'set _purged_infos_limit',
    expected: SERVER_ADMIN,
    method: 'PUT',
    where: inShare('/_purged_infos_limit'),
    body: (_, { number }) => 500 + number,
    hasHappened: async ({ space, share }, { number }) =>
      (await space.couch.request({ path: [shareDatabase(share), '_purged_infos_limit'] })) === 500 + number,
  },
  {
    title: 'purge',
    expected: SERVER_ADMIN,
    method: 'POST',
    where: inShare('/_purge'),
    body: (ground, { label }) => {
      const object = ownObject('purge', label)
      return { [idOf(ground, object)]: [revisionOf(ground, object)] }
    },
    hasHappened: async (ground, { label }) =>
      (await homeOf(ground).get(idOf(ground, ownObject('purge', label)))) === null,
  },
  { title: 'compact', expected: DATABASE_ADMIN, method: 'POST', where: inShare('/_compact') },
  { title: 'clean views up', expected: DATABASE_ADMIN, method: 'POST', where: inShare('/_view_cleanup') },
  {
    title: 'drop the database',
    expected: SERVER_ADMIN,
    method: 'DELETE',
    where: databaseOf,
    hasHappened: async (ground) => (await homeOf(ground).info()) === null,
  },
  {
    title: 'write a _local document',
    expected: LOCAL,
    method: 'PUT',
    where: (ground, { label }) => `${databaseOf(ground)}/_local/${label}`,
    body: () => ({ name: 'local' }),
    hasHappened: ({ space, share }, { label }) => hasLocal(space, shareDatabase(share), label),
  },
]

/** Databases that are nobody's but the server's admins', each with a document that is there. */
const OWN_DATABASES: [string, (ground: Ground) => string, (ground: Ground) => string][] = [
  ['the outbox', ({ space, owner }) => space.config.userDatabases.outbox(owner), () => `base/${MAIN}`],
  ['the registry', () => REGISTRY, ({ share }) => `share/${share}`],
  ['the checkpoints', () => CHECKPOINTS, ({ space, owner }) => space.config.userDatabases.database(owner)],
  ['the skeleton of shares', () => 'skeleton/share', () => '_design/write_access'],
]

const DAEMONS: Action[] = OWN_DATABASES.flatMap(([title, database, document]): Action[] => {
  const at = (ground: Ground, suffix: string): string => `${pathOf(database(ground))}${suffix}`
  const intruder = (name: string): NonNullable<Action['hasHappened']> => {
    return async (ground, { label }) =>
      (await ground.space.couch.database(database(ground)).get(`${name}-${label}`)) !== null
  }
  return [
    {
      title: `read a document of ${title}`,
      expected: NEVER,
      method: 'GET',
      where: (ground) => at(ground, `/${encodeURIComponent(document(ground))}`),
    },
    {
      title: `read _all_docs of ${title}`,
      expected: NEVER,
      method: 'GET',
      where: (ground) => at(ground, '/_all_docs?include_docs=true'),
    },
    {
      title: `read _changes of ${title}`,
      expected: NEVER,
      method: 'GET',
      where: (ground) => at(ground, '/_changes?include_docs=true'),
    },
    {
      title: `ask ${title} by _find`,
      expected: NEVER,
      method: 'POST',
      where: (ground) => at(ground, '/_find'),
      body: () => ({ selector: {} }),
    },
    {
      title: `write into ${title}`,
      expected: NEVER,
      method: 'PUT',
      where: (ground, { label }) => at(ground, `/put-${label}`),
      body: () => ({ name: 'intruder' }),
      hasHappened: intruder('put'),
    },
    {
      title: `write into ${title} by _bulk_docs`,
      expected: NEVER,
      method: 'POST',
      where: (ground) => at(ground, '/_bulk_docs'),
      body: (_, { label }) => ({ docs: [{ _id: `bulk-${label}` }] }),
      hasHappened: intruder('bulk'),
    },
    {
      title: `write a _local document into ${title}`,
      expected: NEVER,
      method: 'PUT',
      where: (ground, { label }) => at(ground, `/_local/${label}`),
      body: () => ({ name: 'intruder' }),
      hasHappened: (ground, { label }) => hasLocal(ground.space, database(ground), label),
    },
    {
      title: `set _security of ${title}`,
      expected: NEVER,
      method: 'PUT',
      where: (ground) => at(ground, '/_security'),
      body: (_, { label }) => ({ members: { names: [label], roles: [] } }),
      hasHappened: async (ground, { label }) =>
        JSON.stringify(await ground.space.couch.database(database(ground)).security()).includes(label),
    },
    { title: `drop ${title}`, expected: SERVER_ADMIN, method: 'DELETE', where: (ground) => at(ground, '') },
  ]
})

const ELSEWHERE: Action[] = [
  {
    // It holds the admin's credentials.
    title: 'read the replication of the share',
    expected: NEVER,
    method: 'GET',
    where: ({ space, share, owner }) =>
      pathOf('_replicator', replicationId(space.config.userDatabases.outbox(owner), share, 'share')),
  },
  {
    title: 'ask who is named in which share',
    expected: NEVER,
    method: 'GET',
    where: () => `${REGISTRY}/_design/shares/_view/by_name`,
  },
]

/** Everything that everybody tries. */
export const ACTIONS: readonly Action[] = [
  ...READINGS,
  ...ASKINGS,
  ...WITHDRAWN,
  ...WRITINGS,
  ...OUTSIDES,
  ...ATTRIBUTES,
  ...DESIGNS,
  ...SETTINGS,
  ...DAEMONS,
  ...ELSEWHERE,
]

/** What is wrong with an answer, or null. */
export function faultOf(
  { shows }: Pick<Action, 'shows'>,
  verdict: Verdict,
  isLoggedIn: boolean,
  { status, text }: { status: number; text: string },
): string | null {
  const fits: Record<Verdict, () => boolean> = {
    shown: () => status === 200 && (shows === undefined || text.includes(shows)),
    done: () => [200, 201, 202].includes(status) && !text.includes('"error"'),
    refused: () => status === (isLoggedIn ? 403 : 401),
    forbidden: () => status === 403,
    admins: () => status === 401,
    rejected: () => status === 201 && /"error":"(forbidden|unauthorized)"/.test(text),
    failed: () => status >= 400,
    missing: () => status === 404,
  }
  const said = `${status} ${text.slice(0, 200)}`
  if (!fits[verdict]()) return `expected ${verdict}, got ${said}`
  const telltale = (verdict === 'shown' || verdict === 'done' ? [PRIVATE] : TELLTALES).find((one) =>
    text.includes(one),
  )
  return telltale === undefined ? null : `expected ${verdict} without ${telltale}, got ${said}`
}
