// Who has what by a sync function: the union of what all documents grant.
import type { Routed } from './routed.ts'

/** In this channel is what everybody may read; everybody has it. */
export const EVERYBODY = '!'
/** Whoever has this channel reads all documents. */
export const ALL_DOCUMENTS = '*'

/** Before the name of a role where it stands among those of users. */
export const ROLE = 'role:'

/** What a user has, each list sorted by code unit. */
export interface Holdings {
  /** Also those of the roles; without `!`, which everybody has. */
  channels: string[]
  /** Without `role:`. */
  roles: string[]
}

/** The union of grants. It is the same in whatever order documents are added. */
export class GrantUnion {
  readonly #channelsOfUser = new Map<string, Set<string>>()
  readonly #channelsOfRole = new Map<string, Set<string>>()
  readonly #rolesOfUser = new Map<string, Set<string>>()

  add({ access, roles }: Pick<Routed, 'access' | 'roles'>): void {
    for (const { to, channel } of access)
      if (to.startsWith(ROLE)) put(this.#channelsOfRole, to.slice(ROLE.length), channel)
      else put(this.#channelsOfUser, to, channel)
    for (const { user, role } of roles) put(this.#rolesOfUser, user, role)
  }

  /** Users to whom something is granted, sorted. */
  get users(): string[] {
    return sorted([...this.#channelsOfUser.keys(), ...this.#rolesOfUser.keys()])
  }

  /** Roles that a user has, or that have a channel, sorted; without `role:`. */
  get roles(): string[] {
    return sorted([
      ...this.#channelsOfRole.keys(),
      ...[...this.#rolesOfUser.values()].flatMap((all) => [...all]),
    ])
  }

  /** How many different grants there are: a channel to a user or a role, a role to a user. */
  get count(): number {
    const maps = [this.#channelsOfUser, this.#channelsOfRole, this.#rolesOfUser]
    return maps.reduce((sum, map) => [...map.values()].reduce((all, { size }) => all + size, sum), 0)
  }

  ofUser(name: string): Holdings {
    const roles = sorted(this.#rolesOfUser.get(name) ?? [])
    const own = this.#channelsOfUser.get(name) ?? []
    return {
      channels: sorted([...own, ...roles.flatMap((role) => this.ofRole(role))].filter(isNoneOfAll)),
      roles,
    }
  }

  /** Channels of a role, sorted; without `!`. */
  ofRole(name: string): string[] {
    return sorted([...(this.#channelsOfRole.get(name) ?? [])].filter(isNoneOfAll))
  }
}

const isNoneOfAll = (channel: string): boolean => channel !== EVERYBODY

function put(map: Map<string, Set<string>>, key: string, value: string): void {
  const there = map.get(key)
  if (there === undefined) map.set(key, new Set([value]))
  else there.add(value)
}

/** Each once, by code unit. */
export const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()
