// How one user stands: shares of their own, shares they take part in, and what masters give them.
import { isFault, orNull } from '../couch/fault.ts'
import { counted } from '../documents/counted.ts'
import type { Problem } from '../documents/problem.ts'
import type { Rejection } from '../documents/rejected.ts'
import type { MasterStatus, ProvisionedUser } from '../provisioning/provisioned-user.ts'
import type { ShareEntry } from '../shares/model/entry.ts'
import type { SubscriptionEntry } from '../shares/model/subscription.ts'
import { AccountIndex } from '../users/account-index.ts'
import { resolveNames } from '../users/directory.ts'
import type { Connection } from './connection.ts'
import { shown } from './shown.ts'
import { rejectedLines } from './status-share.ts'

/** What `--json` prints of each: one user database, or, of a user who shares nothing, the personal database. */
export interface UserStatus {
  /** The `{id}` of the user database; null where the user has none. */
  owner: string | null
  /** The user database; null where there is none. */
  database: string | null
  documents: number | null
  shares: { share: string; state: ShareEntry['state']; problem?: Problem }[]
  takesPart: { share: string; state: SubscriptionEntry['state']; reason?: string; rejected: Rejection[] }[]
  provisioned: Provisioned | null
}

export interface Provisioned extends Pick<ProvisionedUser, 'name' | 'database' | 'state' | 'roles'> {
  problem?: Problem
  masters: Record<string, Pick<MasterStatus, 'state' | 'documents' | 'problem' | 'leaseProblem'>>
}

/**
 * @param name of an account, or the `{id}` of a user database
 * @returns one for each user database that this may mean; none where it means nobody
 * @throws {CouchFault}
 */
export async function userStatus(connection: Connection, name: string): Promise<UserStatus[]> {
  const { couch, users, provisionedUsers } = connection
  const directory = { couch, users, accounts: new AccountIndex(couch) }
  const named = await resolveNames(directory, [name]).catch((error: unknown) => {
    if (isFault(error, 'not_found')) return new Map<string, { owners: string[] }>()
    throw error
  })
  const owners = new Set([name, ...(named.get(name)?.owners ?? [])])
  const meant = [...owners].filter((owner) => users.ownerOf(users.database(owner)) === owner)
  const infos = await couch.dbsInfo(meant.map((owner) => users.database(owner)))
  const entry = await orNull(provisionedUsers.entry(name))
  const provisioned = entry && provisionedOf(entry)
  const found: UserStatus[] = []
  for (const owner of meant) {
    const info = infos.get(users.database(owner))
    if (info) found.push({ ...(await ownerStatus(connection, owner, info.doc_count)), provisioned })
  }
  if (found.length > 0 || (provisioned === null && !named.has(name))) return found
  const nothing = { owner: null, database: null, documents: null, shares: [], takesPart: [] }
  return [{ ...nothing, provisioned }]
}

async function ownerStatus(
  { registry, users }: Connection,
  owner: string,
  documents: number,
): Promise<Omit<UserStatus, 'provisioned'>> {
  const database = users.database(owner)
  const [own, parts] = (await orNull(
    Promise.all([registry.sharesOf(database), registry.subscriptionsOf([database])]),
  )) ?? [[], []]
  const entries = own.length === 0 ? new Map<string, ShareEntry>() : await registry.entries(own)
  const subscriptions =
    parts.length === 0 ? new Map<string, SubscriptionEntry>() : await registry.subscriptions(parts, owner)
  return {
    ...{ owner, database, documents },
    shares: [...entries].map(([share, { state, problem }]) => ({
      share,
      state,
      ...(problem ? { problem } : {}),
    })),
    takesPart: [...subscriptions].map(([share, { state, reason, rejected = [] }]) => ({
      ...{ share, state, rejected },
      ...(reason === undefined ? {} : { reason }),
    })),
  }
}

const provisionedOf = ({ name, database, state, roles, problem, masters }: ProvisionedUser): Provisioned => ({
  ...{ name, database, state, roles },
  ...(problem ? { problem } : {}),
  masters: Object.fromEntries(
    Object.entries(masters).map(([master, { state: standing, documents, problem: found, leaseProblem }]) => [
      master,
      {
        ...{ state: standing, documents },
        ...(found ? { problem: found } : {}),
        ...(leaseProblem ? { leaseProblem } : {}),
      },
    ]),
  ),
})

export function userText({ database, documents, shares, takesPart, provisioned }: UserStatus): string {
  const lines: [string, string][] = [
    [
      'user database',
      database === null ? 'none' : `${shown(database)}, ${counted(documents ?? 0, 'document')}`,
    ],
    ...listed(
      'own shares',
      shares.map(({ share, state, problem }) => `${shown(share)}: ${state}${problemText(problem)}`),
    ),
    ...(takesPart.length === 0 ? listed('takes part in', []) : []),
    ...takesPart.flatMap(({ share, state, reason, rejected }, at): [string, string][] => [
      [
        at === 0 ? 'takes part in' : '',
        `${shown(share)}: ${state}${reason === undefined ? '' : `, because of ${shown(reason)}`}`,
      ],
      ...rejectedLines(rejected),
    ]),
    ...(provisioned === null ? [] : provisionedLines(provisioned)),
  ]
  return lines.map(([name, text]) => `${name.padEnd(16)}${text}\n`).join('')
}

const problemText = (found: Problem | undefined): string =>
  found === undefined ? '' : `, ✗ ${found.code}, ${shown(found.reason)}`

const listed = (name: string, texts: readonly string[]): [string, string][] =>
  texts.length === 0 ? [[name, 'none']] : texts.map((text, at) => [at === 0 ? name : '', text])

const provisionedLines = ({ database, state, roles, problem, masters }: Provisioned): [string, string][] => [
  [
    'provisioned',
    `${state}, in ${database === null ? 'no database' : shown(database)}${problemText(problem)}`,
  ],
  ['roles', roles.length === 0 ? 'none' : roles.map(shown).join(', ')],
  ...listed(
    'masters',
    Object.entries(masters).map(
      ([master, { state: standing, documents, problem: found, leaseProblem }]) =>
        `${shown(master)}: ${standing}, ${counted(documents, 'document')}${problemText(found)}${problemText(leaseProblem)}`,
    ),
  ),
]
