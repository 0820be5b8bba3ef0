// The day of the fleet's README: read, played on a model of grants in memory, and put into words.
import { readFileSync } from 'node:fs'
import type { SyncFunction, Judgement, Writer } from '../../src/gateways/function/sync-function.ts'
import { NOW, type Doc, FLEET_FOLDER } from './fleet.ts'
import type { Routed } from '../../src/gateways/function/routed.ts'

export interface Step {
  readonly step: string
  readonly as: { readonly name: string } | { readonly admin: true }
  /** Without `_rev`: it follows whatever is there. */
  readonly put: Doc & { _deleted?: boolean }
  readonly expect: 'accepted' | { readonly forbidden: string } | { readonly unauthorized: string }
  /** Of each user, the documents that can be read after the step. */
  readonly sees: Readonly<Record<string, readonly string[]>>
}

export const readDay = (): Step[] =>
  JSON.parse(readFileSync(new URL('day.json', FLEET_FOLDER), 'utf8')) as Step[]

/** A database with channels, without revisions: grants are the union over all documents, tombstones too. */
export class GrantsModel {
  readonly #function: SyncFunction
  readonly #documents = new Map<string, { doc: Doc; routed: Routed }>()

  constructor(sync: SyncFunction) {
    this.#function = sync
  }

  put(doc: Doc, writer: Writer): Judgement {
    const oldDoc = this.#documents.get(doc._id)?.doc ?? null
    const verdict = this.#function.evaluate({ doc, oldDoc, writer, now: NOW })
    if (verdict.kind === 'accepted') this.#documents.set(doc._id, { doc, routed: verdict.routed })
    return verdict
  }

  writer(name: string): Writer {
    const all = [...this.#documents.values()].map(({ routed }) => routed)
    const roles = all.flatMap((routed) =>
      routed.roles.filter(({ user }) => user === name).map(({ role }) => role),
    )
    const who = [name, ...roles.map((role) => `role:${role}`)]
    const channels = all.flatMap((routed) =>
      routed.access.filter(({ to }) => who.includes(to)).map(({ channel }) => channel),
    )
    return { name, roles: [...new Set(roles)], channels: [...new Set(['!', ...channels])], isAdmin: false }
  }

  seenBy(name: string): string[] {
    const { channels } = this.writer(name)
    return [...this.#documents.values()]
      .filter(({ doc }) => doc._deleted !== true)
      .filter(({ routed }) => channels.includes('*') || routed.channels.some((one) => channels.includes(one)))
      .map(({ doc }) => doc._id)
      .sort()
  }
}

const verdictInWords = (expect: Step['expect']) => {
  if (expect === 'accepted') return '**accepted**'
  const [error, reason] = Object.entries(expect)[0] as [string, string]
  return `**${error}**: “${reason}”`
}

const gainsAndLosses = (now: Step['sees'], before: Step['sees']) => {
  const lines = Object.entries(now).flatMap(([user, ids]) => {
    const had = before[user] ?? []
    const gained = ids.filter((id) => !had.includes(id)).map((id) => `\`${id}\``)
    const lost = had.filter((id) => !ids.includes(id)).map((id) => `\`${id}\``)
    return [
      ...(gained.length > 0 ? [`${user} sees ${gained.join(', ')}`] : []),
      ...(lost.length > 0 ? [`${user} no longer sees ${lost.join(', ')}`] : []),
    ]
  })
  return lines.length === 0 ? 'Nobody sees more or less than before.' : `Afterwards ${lines.join('; ')}.`
}

/** The walk-through of the README, as markdown that prettier has not seen yet. */
export const dayInWords = (steps: readonly Step[]): string =>
  steps
    .map(({ step, as, put, expect, sees }, index) =>
      [
        `**${index + 1}.** ${step}`,
        '',
        '```json',
        JSON.stringify(put),
        '```',
        '',
        `Written by ${'admin' in as ? 'the admin' : as.name}: ${verdictInWords(expect)}. ${gainsAndLosses(sees, steps[index - 1]?.sees ?? {})}`,
      ].join('\n'),
    )
    .join('\n\n')
