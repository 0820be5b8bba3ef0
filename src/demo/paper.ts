// Prints the demo: plain text that reads well by itself, with colour where a terminal takes it.
import { styleText } from 'node:util'
import { scrub } from '../scrub.ts'

/** Where an exhibit stands, what it shows, and the document; null where there is none. */
export interface Shown {
  db: string
  id: string
  note: string
  doc: object | null
  /** Words for a document that is not there. */
  absent: string
}

type Style = Parameters<typeof styleText>[0]

const WIDTH = 84
const INDENT = '   '

/** Where the demo is printed. */
export class Paper {
  readonly #write: (text: string) => void
  readonly #hasColour: boolean

  constructor(write: (text: string) => void, { hasColour }: { hasColour: boolean }) {
    this.#write = write
    this.#hasColour = hasColour
  }

  heading(title: string, text: string): void {
    this.#write(`\n${this.#style(['bold', 'cyan'], title)}\n${wrap(text, '')}\n`)
  }

  step(number: number, of: number, title: string, sentence: string): void {
    const label = `── ${number} of ${of} ── `
    const rule = '─'.repeat(Math.max(2, WIDTH - label.length - title.length - 1))
    this.#write(
      `\n\n${this.#style('cyan', label)}${this.#style('bold', title)} ${this.#style('cyan', rule)}\n`,
    )
    this.#write(`\n${wrap(sentence, '')}\n`)
  }

  /** What somebody does: a document written into a database, or the database itself. */
  action(verb: string, db: string, doc: object | null): void {
    this.#write(`\n${INDENT}${this.#style('yellow', verb)} ${this.#style('bold', db)}\n`)
    if (doc !== null) this.#write(`${this.#json(doc)}\n`)
  }

  after(ms: number): void {
    this.#write(`\n${(ms / 1000).toFixed(1)} s later:\n`)
  }

  exhibit({ db, id, note, doc, absent }: Shown): void {
    this.#write(
      `\n${INDENT}${this.#style('bold', db)} ${this.#style('dim', '›')} ${this.#style('cyan', id)}\n`,
    )
    this.#write(`${this.#style('dim', wrap(note, INDENT))}\n`)
    this.#write(doc === null ? `${INDENT}${this.#style('red', `(${absent})`)}\n` : `${this.#json(doc)}\n`)
  }

  paragraph(text: string): void {
    this.#write(`\n${wrap(text, '')}\n`)
  }

  /** No credentials: a replication document holds them. */
  #json(doc: object): string {
    const { _id, _rev, ...rest } = JSON.parse(scrub(JSON.stringify(doc))) as Record<string, unknown>
    const ordered = {
      ...(_id === undefined ? {} : { _id }),
      ...(_rev === undefined ? {} : { _rev }),
      ...rest,
    }
    const lines = layout(ordered, { margin: INDENT.length, isBroken: true }).split('\n')
    return lines.map((line) => INDENT + this.#paint(line)).join('\n')
  }

  #paint(line: string): string {
    if (!this.#hasColour) return line
    if (/^ +"_rev":/.test(line)) return this.#style('dim', line)
    return line.replace(
      /("(?:[^"\\]|\\.)*")(:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b/g,
      (token, text: string | undefined, colon: string | undefined) => {
        if (text === undefined) return this.#style('magenta', token)
        if (colon === undefined) return this.#style('green', token)
        return this.#style(text.startsWith('"$') ? ['bold', 'yellow'] : 'blue', text) + colon
      },
    )
  }

  #style(style: Style, text: string): string {
    return this.#hasColour ? styleText(style, text, { validateStream: false }) : text
  }
}

/** JSON with what is short on one line: `{ "uuid567": ["name"] }`. */
function layout(
  value: unknown,
  { margin, isBroken = false }: { margin: number; isBroken?: boolean },
): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const isList = Array.isArray(value)
  const [open, close] = isList ? '[]' : '{}'
  const entries = Object.entries(value)
  const key = (name: string): string => (isList ? '' : `${JSON.stringify(name)}: `)
  const flat = entries.map(([name, item]) => key(name) + layout(item, { margin: -Infinity })).join(', ')
  const line = isList || flat === '' ? `${open}${flat}${close}` : `${open} ${flat} ${close}`
  if (flat === '' || (!isBroken && margin + line.length <= WIDTH)) return line
  const parts = entries.map(([name, item]) => {
    const inner = layout(item, { margin: margin + 2 + key(name).length + 1 })
    return `  ${key(name)}${inner.replaceAll('\n', '\n  ')}`
  })
  return `${open}\n${parts.join(',\n')}\n${close}`
}

/** Breaks a sentence into lines. */
function wrap(text: string, indent: string): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => indent + line).join('\n')
}
