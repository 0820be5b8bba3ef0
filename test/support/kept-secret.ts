// What is secret in a story, and that none of it stands somewhere.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Database } from '../../src/couch/database.ts'
import { findSecrets, type Secret } from './secret-forms.ts'

const random = (): string => randomBytes(6).toString('hex')

/** As passwords are that are hard to quote: pieces that could be left of them are secrets, too. */
export const password = (what: string): string => `${what}-pass-${random()}/of:the@door#"é\\${random()}`

/** What stands in a document. */
const marker = (what: string): string => `c0ntent-${what}-${random()}`

export interface Login {
  user: string
  pass: string
}

/** All that is secret in a story. */
export class Secrets {
  readonly admin: Login
  readonly contents = {
    shared: marker('shared'),
    private: marker('private'),
    edited: marker('edited'),
    refused: marker('refused'),
    title: marker('title'),
    wish: marker('wish'),
    wishes: marker('wishes'),
    access: marker('access'),
    error: marker('error'),
    rival: marker('rival'),
    guest: marker('guest'),
    thrown: marker('thrown'),
    attached: marker('attached'),
    evaluated: marker('evaluated'),
    subscription: marker('subscription'),
  }
  readonly passwords = { first: password('first'), second: password('second'), wrong: password('wrong') }
  readonly #more: Secret[] = []

  constructor(admin: Login) {
    this.admin = admin
  }

  /** One that comes up on the way. */
  add(name: string, text: string, user?: string): void {
    this.#more.push({ name, text, ...(user === undefined ? {} : { user }) })
  }

  get ofDocuments(): Secret[] {
    return Object.entries(this.contents).map(([name, text]) => ({ name: `the content “${name}”`, text }))
  }

  get ofShares(): Secret[] {
    return Object.entries(this.passwords).map(([name, text]) => ({ name: `the ${name} password`, text }))
  }

  get ofAdmin(): Secret[] {
    return [{ name: 'the admin’s password', text: this.admin.pass, user: this.admin.user }]
  }

  /** What is secret everywhere: in no database either, but in those of whom it belongs to. */
  get all(): Secret[] {
    return [...this.ofAdmin, ...this.ofShares, ...this.ofDocuments, ...this.#more]
  }
}

export function assertNone(where: string, text: string, secrets: readonly Secret[]): void {
  const found = findSecrets(text, secrets)
  if (found.length === 0) return
  const lines = text.split('\n').filter((line) => findSecrets(line, secrets).length > 0)
  assert.fail(
    `Expected ${where} to hold no secret, got ${found.join('; ')} in:\n${lines.slice(0, 20).join('\n')}`,
  )
}

/** All that admins read of a database: documents with every leaf. */
export async function textOf(database: Database): Promise<string> {
  if ((await database.info()) === null) return ''
  const rows = await database.range({})
  const leaves = await database.leaves(rows.map(({ id }) => ({ id })))
  return leaves.map((leaf) => JSON.stringify(leaf)).join('\n')
}
