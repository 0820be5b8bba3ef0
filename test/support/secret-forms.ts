// Finds a secret in a text in any form in which a program may come to write it: plain, encoded for a URL or for JSON, as base64, as bytes.

/** Something that is to stand nowhere else. */
export interface Secret {
  /** What it is, for who reads that it was found. */
  name: string
  text: string
  /** Of a password: who logs in with it. */
  user?: string
}

/** A piece of a secret is told by itself where it is no shorter: a text may hold what is before a # or behind a @ only. */
const SHORTEST_PIECE = 8

/**
 * Where each secret stands in a text, as `<name>, <form>`: once for each form, nothing where there is none.
 *
 * Letters of percent-encoding and of hex count in either case. A secret inside a longer text that was encoded as base64 is found wherever
 * it begins there.
 */
export function findSecrets(text: string, secrets: readonly Secret[]): string[] {
  const folded = text.toLowerCase()
  return secrets.flatMap((secret) =>
    formsOf(secret)
      .filter(([, written, isFolded]) => (isFolded ? folded.includes(written) : text.includes(written)))
      .map(([form]) => `${secret.name}, ${form}`),
  )
}

type Form = [form: string, written: string, isFolded?: true]

function formsOf({ text, user }: Secret): Form[] {
  const bytes = Buffer.from(text, 'utf8')
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'))
  const inUrl = encodeURIComponent(text)
  const inJson = jsonEscaped(text)
  return distinct([
    ['plain', text],
    ['in JSON', inJson],
    ['in JSON, in ASCII', asciiEscaped(inJson), true],
    ['in JSON that is a text in JSON', jsonEscaped(inJson)],
    ['in a URL', inUrl.toLowerCase(), true],
    ['in a URL, twice', encodeURIComponent(inUrl).toLowerCase(), true],
    ['in a form', new URLSearchParams([['', text]]).toString().slice(1).toLowerCase(), true],
    ['in a URL, each byte', hex.map((pair) => `%${pair}`).join(''), true],
    ['as hex', hex.join(''), true],
    ['as bytes in hex', hex.join(' '), true],
    ['as bytes', [...bytes].join(',')],
    ...[0, 1, 2].flatMap((offset): Form[] => base64At(bytes, offset).map((core) => ['as base64', core])),
    ...(user === undefined
      ? []
      : (['base64', 'base64url'] as const).map((form): Form => [
          'as base64 of user:pass',
          Buffer.from(`${user}:${text}`).toString(form),
        ])),
    ...text
      .split(/[^\p{L}\p{N}-]+/u)
      .filter((piece) => piece.length >= SHORTEST_PIECE && piece !== text)
      .map((piece): Form => ['a piece of it', piece]),
  ])
}

const jsonEscaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** As Erlang and Python write it: whatever is not ASCII by its number; in lower case. */
const asciiEscaped = (json: string): string =>
  json
    .replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .toLowerCase()

/** What is the same wherever bytes begin so many behind a multiple of three, in both alphabets: without what their neighbours have a part in. */
function base64At(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const first = offset === 0 ? 0 : offset + 1
  const last = (offset + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1
  const core = encoded.slice(first, last)
  return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
}

/** Of forms that are the same text, the first one. */
const distinct = (forms: Form[]): Form[] =>
  [...new Map(forms.map((form) => [form[1], form] as const).reverse()).values()].reverse()
